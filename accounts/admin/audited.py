"""Admins that write the audit trail."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from unfold.admin import ModelAdmin

from accounts.actors import Actor, operator_actor
from accounts.audit import record
from accounts.models import Organization, User
from accounts.origins import meta_of


class AuditedModelAdmin(ModelAdmin):  # type: ignore[misc]
    """An admin whose every write is audited, in the same transaction, as ``<model>.admin-add|-change|-delete``.

    Events name the fields that changed, never their values. An action that calls a service passes
    ``self.actor(request, organization)`` and leaves the audit to the service; one that writes by itself calls
    ``self.audit(request, "suspend", row)``.
    """

    def actor(self, request: HttpRequest, organization: Organization | None = None) -> Actor:
        """The operator, with every right in ``organization``."""
        if not isinstance(request.user, User):
            raise TypeError("the admin lets only users in")
        return operator_actor(request.user, organization, meta_of(request))

    def audit(self, request: HttpRequest, verb: str, target: Model, **data: Any) -> None:
        """Record ``<model>.admin-<verb>``; ``data`` must not hold secrets."""
        organization = target if isinstance(target, Organization) else getattr(target, "organization", None)
        action = f"{target._meta.model_name}.admin-{verb}"  # noqa: SLF001  - Django's documented API
        record(self.actor(request, organization), action, target, organization, **data)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self.audit(request, "add", obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self.audit(request, "change", obj, changes=message if isinstance(message, list) else [str(message)])
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for row in queryset:
            self.audit(request, "delete", row)
        return super().log_deletions(request, queryset)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        with transaction.atomic():
            response: HttpResponseBase | None = super().response_action(request, queryset)
            return response


class ReadOnlyModelAdmin(AuditedModelAdmin):
    """For rows that operators look at. What may be done to them are actions with ``permissions=["operate"]``, which
    asks for Django's change permission on the model.
    """

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
