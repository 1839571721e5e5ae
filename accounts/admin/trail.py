from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import services
from accounts.models import ApiToken, AuditEvent

from .audited import ReadOnlyModelAdmin


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyModelAdmin):
    list_display = ("name", "organization", "user", "role", "prefix", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("role", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization", "user")
    search_fields = ("name", "prefix", "organization__name", "user__email")
    fields = (*list_display, "created_at")
    actions = ("revoke",)

    @admin.action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        tokens = list(queryset.select_related("organization"))
        for token in tokens:
            services.revoke_token(actor=self.actor(request, token.organization), token=token)
        self.message_user(request, f"Revoked: {', '.join(token.name for token in tokens)}.", messages.SUCCESS)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyModelAdmin):
    list_display = ("created_at", "actor_label", "action", "target_type", "target_label", "organization", "ip")
    list_filter = ("action",)
    list_select_related = ("organization",)
    search_fields = ("actor_label", "action", "target_label", "target_id", "organization__name", "ip", "request_id")
    date_hierarchy = "created_at"
    show_full_result_count = False
