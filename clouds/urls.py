from django.urls import path

from .issuer import CONFIGURATION_PATH, KEYS_PATH
from .views import accounts, issuer

app_name = "clouds"
urlpatterns = [
    path(CONFIGURATION_PATH, issuer.configuration, name="issuer-configuration"),
    path(KEYS_PATH, issuer.key_set, name="issuer-key-set"),
    path("cloud-accounts/", accounts.account_list, name="account-list"),
    path("cloud-accounts/new/", accounts.account_new, name="account-new"),
    path("cloud-accounts/<uuid:account_id>/", accounts.account_detail, name="account-detail"),
    path("cloud-accounts/<uuid:account_id>/verify/", accounts.account_verify, name="account-verify"),
    path("cloud-accounts/<uuid:account_id>/credentials/", accounts.account_credentials, name="account-credentials"),
    path("cloud-accounts/<uuid:account_id>/edit/", accounts.account_edit, name="account-edit"),
    path("cloud-accounts/<uuid:account_id>/delete/", accounts.account_delete, name="account-delete"),
]
