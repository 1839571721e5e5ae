"""Pages of budgets: how they stand, one's course, and the forms."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor, actor_of
from accounts.guards import requires
from accounts.models import Right
from billing import budgets, services
from billing.budget_forms import BudgetForm
from billing.budgets import described, known_values
from billing.budgets.course import course_of
from billing.budgets.scopes import tags_in_use
from billing.models import Account, Budget

ALERTS_SHOWN = 20


@require_safe
@requires(Right.VIEW)
def budget_list(request: HttpRequest) -> HttpResponse:
    """Every budget with its bar; an organization has at most a hundred."""
    account = _account(actor_of(request))
    rows, known = list(account.budgets.all()), known_values(account.organization)
    context = {
        "account": account,
        "standings": [
            (standing, described(standing.budget.scope, standing.budget.value, known))
            for standing in budgets.standings(account, rows, timezone.now().date())
        ],
    }
    return render(request, "billing/budget_list.html", context)


@require_safe
@requires(Right.VIEW)
def budget_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One budget: how it stands, the course of this period, its thresholds and what was said of them."""
    budget = _budget(request, pk)
    account, today = budget.account, timezone.now().date()
    [standing] = budgets.standings(account, [budget], today)
    context = {
        "account": account,
        "budget": budget,
        "standing": standing,
        "covers": described(budget.scope, budget.value, known_values(account.organization)),
        "course": course_of(account, standing, today),
        "thresholds": [(each, each in standing.reached) for each in budget.thresholds],
        "channels": list(budget.channels.all()),
        "alerts": budget.alerts.with_deliveries()[:ALERTS_SHOWN],
    }
    return render(request, "billing/budget_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.MANAGE)
def budget_new(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    form = _form(actor, request)
    if form.is_bound and form.is_valid():
        try:
            budget = budgets.create_budget(actor=actor, **form.values())
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, f"The budget “{budget}” is set.")
            return redirect("billing:budget-detail", budget.pk)
    return _form_page(request, form, _account(actor))


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.MANAGE)
def budget_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    actor, budget = actor_of(request), _budget(request, pk)
    form = _form(actor, request, budget)
    if form.is_bound and form.is_valid():
        try:
            budgets.change_budget(actor=actor, budget=budget, **form.values())
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, "Saved.")
            return redirect("billing:budget-detail", budget.pk)
    return _form_page(request, form, budget.account, budget=budget)


@require_POST
@requires(Right.MANAGE)
def budget_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    budget = _budget(request, pk)
    budgets.delete_budget(actor=actor_of(request), budget=budget)
    messages.success(request, f"The budget “{budget}” is deleted. What was said of it stays under Alerts.")
    return redirect("billing:budget-list")


def _budget(request: HttpRequest, pk: UUID) -> Budget:
    rows = Budget.objects.visible_to(actor_of(request)).select_related("account__organization")
    return get_object_or_404(rows.prefetch_related("channels"), pk=pk)


def _account(actor: Actor) -> Account:
    return services.account_of(actor.tenant)


def _form(actor: Actor, request: HttpRequest, budget: Budget | None = None) -> BudgetForm:
    account = _account(actor)
    return BudgetForm(
        request.POST if request.method == "POST" else None,
        known=known_values(actor.tenant),
        tags=tags_in_use(account),
        channels=account.channels.all(),
        budget=budget,
    )


def _form_page(request: HttpRequest, form: BudgetForm, account: Account, **context: Any) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render(request, "billing/budget_form.html", {"form": form, "account": account, **context}, status=status)
