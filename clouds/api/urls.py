from .accounts import urlpatterns as account_urls

urlpatterns = [*account_urls]
