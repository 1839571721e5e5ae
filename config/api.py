"""/api/v1: assembled from what each app offers."""

from accounts.api.urls import urlpatterns as accounts_urls
from billing.api.urls import urlpatterns as billing_urls
from clouds.api.urls import urlpatterns as clouds_urls
from provisioning.api.urls import urlpatterns as provisioning_urls

urlpatterns = [*accounts_urls, *clouds_urls, *billing_urls, *provisioning_urls]
