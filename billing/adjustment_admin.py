"""Operators agree other prices with a tenant: each is looked at before it is agreed, and ended rather than edited."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from unfold.decorators import action

from . import adjusting
from .adjusting import Effect
from .deeds import DeedAdmin
from .forms import AdjustPricesForm, ReasonForm
from .models import ZERO, PriceAdjustment
from .money import plain

SHOWN = 50  # lines of the preview; its total counts all


@admin.register(PriceAdjustment)
class PriceAdjustmentAdmin(DeedAdmin):
    list_display: ClassVar = [
        "__str__", "organization", "cloud_account", "starts_at", "ends_at", "note", "created_by_label",
    ]  # fmt: skip
    list_filter: ClassVar = ["starts_at", "ends_at"]
    list_select_related: ClassVar = ["account__organization"]
    search_fields: ClassVar = ["account__organization__name", "sku_prefix", "cloud_account", "note"]
    actions_detail: ClassVar = ["end"]

    @admin.display(ordering="account__organization__name")
    def organization(self, adjustment: PriceAdjustment) -> str:
        return str(adjustment.account.organization)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(self.has_operate_permission(request))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        """Ask for the terms, show what they would do to what runs now, and agree them when that was seen."""
        if not self.has_add_permission(request):
            return self.changelist_view(request)
        form = AdjustPricesForm(request.POST or None)
        if not form.is_valid():
            return self._ask(request, form)
        organization, terms = form.cleaned_data["organization"], form.terms()
        if "agree" not in request.POST:
            return self._ask(request, form, adjusting.effects_of(organization, terms))
        adjustment = adjusting.adjust_prices(
            actor=self.actor(request, organization),
            organization=organization,
            terms=terms,
            note=form.cleaned_data["note"],
            key=form.cleaned_data["key"],
        )
        messages.success(request, f"Agreed with {organization}: {adjustment}. What runs already keeps its price.")
        return redirect("admin:billing_priceadjustment_changelist")

    @action(description="End now", url_path="end", permissions=["deed"])  # type: ignore[untyped-decorator]  # unfold has no types
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What is ordered from now on no longer gets it."""
        adjustment = get_object_or_404(PriceAdjustment.objects.select_related("account__organization"), pk=object_id)
        form = ReasonForm(request.POST or None)
        if not form.is_valid():
            return self.answer_form(request, form, adjustment, title=f"End {adjustment}", verb="End now")
        adjusting.end_adjustment(
            actor=self.actor(request, adjustment.account.organization),
            adjustment=adjustment,
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, f"Ended: {adjustment}. What runs already keeps its price.")
        return self.back_to(adjustment)

    def _ask(self, request: HttpRequest, form: AdjustPricesForm, effects: list[Effect] | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Agree a price",
            "form": form,
            "opts": self.opts,
            "preview": None if effects is None else preview_of(effects),
        }
        return TemplateResponse(request, "admin/billing/adjust.html", context)


def preview_of(effects: list[Effect]) -> dict[str, Any]:
    """The effects as a table for people, and what they come to."""
    changed = [effect for effect in effects if effect.difference]
    before = sum((effect.monthly_before for effect in effects), ZERO)
    after = sum((effect.monthly for effect in effects), ZERO)
    headers = ["Resource", "Line", "SKU", "Unit price now", "then", "Month now", "then", "Difference"]
    rows = [
        [
            effect.meter.resource.name,
            effect.meter.label,
            effect.meter.sku,
            plain(effect.meter.unit_price),
            plain(effect.unit_price),
            f"{effect.monthly_before:.2f}",
            f"{effect.monthly:.2f}",
            f"{effect.difference:+.2f}",
        ]
        for effect in changed[:SHOWN]
    ]
    return {
        "table": {"headers": headers, "rows": rows},
        "changed": len(changed),
        "running": len(effects),
        "more": max(0, len(changed) - SHOWN),
        "before": before,
        "after": after,
        "difference": f"{after - before:+.2f}",
    }
