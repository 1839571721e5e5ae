from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from unfold.admin import TabularInline

from accounts import services
from accounts.models import Membership, Organization, Role

from .audited import AuditedModelAdmin


class MembershipFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Holds the rule of the services here too: there is always an owner."""

    def clean(self) -> None:
        super().clean()
        if self.instance.pk is None or not self.instance.memberships.exists():
            return
        Organization.objects.select_for_update(no_key=True).get(pk=self.instance.pk)  # inside the admin's transaction
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        if not any(data.get("role") == Role.OWNER for data in kept):
            raise ValidationError(str(services.LastOwner()))


class MembershipInline(TabularInline):  # type: ignore[misc]
    model = Membership
    formset = MembershipFormSet
    extra = 0
    autocomplete_fields = ("user",)
    readonly_fields = ("created_at",)


@admin.register(Organization)
class OrganizationAdmin(AuditedModelAdmin):
    list_display = ("name", "slug", "member_count", "is_suspended", "created_at")
    list_filter = (("suspended_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "slug", "members__email")
    fields = ("name", "slug", "max_concurrent_runs", "suspended_at", "created_at")
    readonly_fields = ("suspended_at", "created_at")
    inlines = (MembershipInline,)
    actions = ("suspend", "unsuspend")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        rows: QuerySet[Organization] = super().get_queryset(request)
        return rows.annotate(number_of_members=Count("memberships"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its ledger and audit trail must stay: suspend it instead

    @admin.display(description="members", ordering="number_of_members")
    def member_count(self, organization: Organization) -> int:
        return int(getattr(organization, "number_of_members"))  # noqa: B009  - annotated above

    @admin.display(description="suspended", boolean=True)
    def is_suspended(self, organization: Organization) -> bool:
        return organization.is_suspended

    @admin.action(description="Suspend: reading only", permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        for organization in queryset:
            services.suspend_organization(actor=self.actor(request, organization), organization=organization)
        self.message_user(request, f"Suspended: {_names(queryset)}.", messages.SUCCESS)

    @admin.action(description="Lift the suspension", permissions=["change"])
    def unsuspend(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        for organization in queryset:
            services.reinstate_organization(actor=self.actor(request, organization), organization=organization)
        self.message_user(request, f"Not suspended any more: {_names(queryset)}.", messages.SUCCESS)


def _names(organizations: QuerySet[Organization]) -> str:
    return ", ".join(organization.name for organization in organizations)
