"""Operators' view of where alerts go and how they arrive. Read-only, and nothing that is sealed is in it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from accounts.admin import ReadOnlyModelAdmin

from .models import Channel, Delivery, DeliveryAttempt


@admin.register(Channel)
class ChannelAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = ["name", "organization", "kind", "hint", "is_active", "switched_off_because", "created_at"]
    list_filter: ClassVar = ["kind", "is_active"]
    list_select_related: ClassVar = ["account__organization"]
    search_fields: ClassVar = ["name", "account__organization__name"]
    fields: ClassVar = [
        "organization", "name", "kind", "hint", "is_active", "switched_off_because", "previous_secret_until",
        "created_by", "created_at",
    ]  # fmt: skip
    readonly_fields: ClassVar = ["organization"]

    @admin.display(ordering="account__organization__name")
    def organization(self, channel: Channel) -> str:
        return str(channel.account.organization)


class AttemptInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    model = DeliveryAttempt
    fields: ClassVar = ["number", "at", "milliseconds", "response_status", "error"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = [
        "organization", "subject", "to", "status", "attempts", "failures", "next_attempt_at", "finished_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["status", "channel__kind", "created_at"]
    search_fields: ClassVar = ["id", "alert__subject", "alert__account__organization__name"]
    ordering: ClassVar = ["-created_at", "-id"]
    fields: ClassVar = [
        "id", "organization", "subject", "to", "number", "status", "attempts", "failures", "next_attempt_at",
        "leased_until", "finished_at", "created_at",
    ]  # fmt: skip
    readonly_fields: ClassVar = ["organization", "subject", "to"]
    inlines: ClassVar = [AttemptInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return Delivery.objects.with_channel().select_related("alert__account__organization")

    @admin.display(ordering="alert__account__organization__name")
    def organization(self, delivery: Delivery) -> str:
        return str(delivery.alert.account.organization)

    @admin.display(ordering="alert__subject")
    def subject(self, delivery: Delivery) -> str:
        return delivery.alert.subject

    @admin.display(ordering="channel__name")
    def to(self, delivery: Delivery) -> str:
        return f"{delivery.channel.name} ({delivery.channel.get_kind_display()})"
