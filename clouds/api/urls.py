from .accounts import urlpatterns as account_urls
from .offerings import urlpatterns as offering_urls

urlpatterns = [*account_urls, *offering_urls]
