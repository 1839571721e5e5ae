"""What operators see of cloud accounts and of the catalogue. No page here shows or takes a credential."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin import AuditedModelAdmin, ReadOnlyModelAdmin

from . import services
from .models import CloudAccount, MachineType, Offering, OfferingVersion, SigningKey


@admin.register(CloudAccount)
class CloudAccountAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = [
        "name",
        "organization",
        "provider",
        "status",
        "credential_hint",
        "identity",
        "is_sandbox",
        "checked_at",
    ]
    list_filter: ClassVar = ["provider", "status", "is_sandbox"]
    list_select_related: ClassVar = ["organization"]
    search_fields: ClassVar = ["name", "identity", "organization__name", "organization__slug"]
    fields: ClassVar = [
        "id",
        "organization",
        "name",
        "provider",
        "is_sandbox",
        "credential_method",
        "credential_hint",
        "default_region",
        "status",
        "status_detail",
        "identity",
        "missing_permissions",
        "unchecked_permissions",
        "checked_at",
        "created_at",
    ]
    actions: ClassVar = ["verify"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CloudAccount]:
        rows: QuerySet[CloudAccount] = super().get_queryset(request).defer("credentials")
        return rows

    @admin.action(description="Check with the cloud now", permissions=["operate"])
    def verify(self, request: HttpRequest, queryset: QuerySet[CloudAccount]) -> None:
        """Check each account; one that cannot be reached does not stop the others."""
        for account in queryset.select_related("organization"):
            try:
                found = services.verify_account(actor=self.actor(request, account.organization), account=account)
            except services.CloudError as error:
                messages.error(request, f"{account}: {error}")
            else:
                messages.success(request, f"{account}: {found.get_status_display()}")


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyModelAdmin):
    """Which keys sign tokens for clouds, and which come and go. Rotation: ``manage.py rotate_signing_keys``."""

    list_display: ClassVar = ["kid", "state", "activates_at", "retires_at", "expires_at"]
    fields: ClassVar = ["kid", "created_at", "activates_at", "retires_at", "expires_at", "shown_public_key"]
    readonly_fields: ClassVar = ["shown_public_key"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SigningKey]:
        rows: QuerySet[SigningKey] = super().get_queryset(request).defer("private_key")
        return rows

    @admin.display(description="public key")
    def shown_public_key(self, key: SigningKey) -> SafeString:
        return _as_json(key.public_key)


@admin.register(Offering)
class OfferingAdmin(AuditedModelAdmin):
    """Operators put offerings on and off the shelf; everything else comes from the catalogue's files."""

    list_display: ClassVar = ["id", "title", "kind", "provider", "current", "is_available"]
    list_filter: ClassVar = ["kind", "provider", "is_available"]
    list_select_related: ClassVar = ["current"]
    fields: ClassVar = ["id", "kind", "provider", "current", "is_available"]
    readonly_fields: ClassVar = ["id", "kind", "provider", "current"]

    @admin.display(description="title")
    def title(self, offering: Offering) -> str:
        return offering.current.title if offering.current else ""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(OfferingVersion)
class OfferingVersionAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = ["offering", "version", "title", "loaded_at", "content_hash"]
    list_filter: ClassVar = ["offering"]
    search_fields: ClassVar = ["title", "offering__id"]
    fields: ClassVar = [
        "offering",
        "version",
        "title",
        "summary",
        "content_hash",
        "loaded_at",
        "shown_manifest",
        "shown_schema",
    ]
    readonly_fields: ClassVar = ["shown_manifest", "shown_schema"]

    @admin.display(description="manifest")
    def shown_manifest(self, version: OfferingVersion) -> SafeString:
        return _as_json(version.manifest)

    @admin.display(description="schema of the inputs")
    def shown_schema(self, version: OfferingVersion) -> SafeString:
        return _as_json(version.schema)


@admin.register(MachineType)
class MachineTypeAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = ["name", "provider", "vcpu", "memory_gib", "arch"]
    list_filter: ClassVar = ["provider", "arch"]
    search_fields: ClassVar = ["name"]


def _as_json(value: Any) -> SafeString:
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
