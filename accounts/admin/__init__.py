"""What operators see and do of tenants, people, tokens and the audit trail."""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from .audited import AuditedModelAdmin, ReadOnlyModelAdmin
from .organizations import OrganizationAdmin
from .trail import ApiTokenAdmin, AuditEventAdmin
from .users import UserAdmin

__all__ = [
    "ApiTokenAdmin",
    "AuditEventAdmin",
    "AuditedModelAdmin",
    "OrganizationAdmin",
    "ReadOnlyModelAdmin",
    "UserAdmin",
]

# Operators sign in where everybody does: under the same rate limits, and recorded.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Other apps' own admins write without audit, or show what opens a door; groups are not used.
for model in (Group, EmailAddress, OutstandingToken, BlacklistedToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
