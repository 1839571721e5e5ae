"""Operators' view of tenants' budgets and of what was said to them. They look; tenants change."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from accounts.admin import ReadOnlyModelAdmin

from .models import Alert, Budget


@admin.register(Budget)
class BudgetAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = ["organization", "name", "scope", "value", "amount", "period", "is_blocking", "updated_at"]
    list_filter: ClassVar = ["scope", "period", "is_blocking"]
    list_select_related: ClassVar = ["account__organization"]
    search_fields: ClassVar = ["name", "value", "account__organization__name"]
    ordering: ClassVar = ["account__organization__name", "name"]

    @admin.display(ordering="account__organization__name")
    def organization(self, budget: Budget) -> str:
        return str(budget.account.organization)


@admin.register(Alert)
class AlertAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = ["organization", "subject", "kind", "severity", "budget", "created_at"]
    list_filter: ClassVar = ["kind", "severity", "created_at"]
    list_select_related: ClassVar = ["account__organization", "budget"]
    search_fields: ClassVar = ["subject", "key", "account__organization__name"]
    ordering: ClassVar = ["-created_at", "-pk"]

    @admin.display(ordering="account__organization__name")
    def organization(self, alert: Alert) -> str:
        return str(alert.account.organization)
