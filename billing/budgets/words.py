"""What is said when a threshold of a budget is reached."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from billing.models import Basis, Budget, Period
from billing.money import display

from .scopes import ScopeValues, described
from .standings import Standing
from .thresholds import Threshold

PER = {Period.MONTHLY: "per month", Period.QUARTERLY: "per quarter", Period.YEARLY: "per year"}


def page_of(budget: Budget) -> str:
    """The address of the budget's page, for mails and programs."""
    return f"{settings.SITE_URL}{reverse('billing:budget-detail', args=[budget.pk])}"


def titled(standing: Standing) -> str:
    """The November 2026 budget “Team data”"""
    return f"the {standing.span.words} budget “{standing.budget.name}”"


def alert_subject(standing: Standing, threshold: Threshold) -> str:
    """With the threshold, since several may be reached at once."""
    return f"{_share_in_words(standing, threshold['on'])} (threshold {threshold['percent']} %)"


def _share_in_words(standing: Standing, basis: str) -> str:
    share = f"{int(standing.percent(basis))} %"
    if basis == Basis.ACTUAL:
        return f"{share} of {titled(standing)} is used"
    if basis == Basis.FORECAST:
        return f"{share} of {titled(standing)} is expected to be used"
    return f"What runs now takes {share} of {titled(standing)}"


def alert_text(standing: Standing, threshold: Threshold, known: ScopeValues, currency: str) -> str:
    """In plain words with all figures: what is reached, and what else is to be known."""
    budget, basis = standing.budget, threshold["on"]
    amount = f"{display(budget.amount, currency)} for {described(budget.scope, budget.value, known)}"
    parts = [
        f"{_reached(standing, basis, currency)}: {amount}.",
        _rest(standing, basis, currency),
        f"You asked to be told at {threshold['percent']} %.",
    ]
    if budget.is_blocking and standing.figure(basis) >= budget.amount:
        parts.append("Orders that would break it are refused.")
    return " ".join(parts)


def _reached(standing: Standing, basis: str, currency: str) -> str:
    share = f"{int(standing.percent(basis))} % ({display(standing.figure(basis), currency)})"
    if basis == Basis.ACTUAL:
        return f"You have used {share} of {titled(standing)}"
    if basis == Basis.FORECAST:
        return f"By the end of {standing.span.words} you will probably have used {share} of {titled(standing)}"
    return f"What runs now costs {share} of {titled(standing)}"


def _rest(standing: Standing, basis: str, currency: str) -> str:
    spent, forecast, rate = (
        display(amount, currency) for amount in (standing.spent, standing.forecast.amount, standing.run_rate)
    )
    per = PER[Period(standing.budget.period)]
    if basis == Basis.ACTUAL:
        return f"It will probably be {forecast} by {standing.span.last:%d %B %Y}; what runs now costs {rate} {per}."
    if basis == Basis.FORECAST:
        return f"So far it is {spent}; what runs now costs {rate} {per}."
    return f"So far {spent} was used; by {standing.span.last:%d %B %Y} it will probably be {forecast}."


def alert_data(standing: Standing, threshold: Threshold, currency: str) -> dict[str, Any]:
    """The figures for programs; amounts are strings."""
    budget = standing.budget
    return {
        "budget": str(budget.pk),
        "name": budget.name,
        "scope": budget.scope,
        "value": budget.value,
        "period": standing.span.key,
        "period_start": standing.span.first.isoformat(),
        "period_end": standing.span.last.isoformat(),
        "basis": threshold["on"],
        "threshold": threshold["percent"],
        "percent": str(standing.percent(threshold["on"])),
        "amount": str(budget.amount),
        "spent": str(standing.spent),
        "forecast": str(standing.forecast.amount),
        "run_rate": str(standing.run_rate),
        "currency": currency,
        "url": page_of(budget),
    }
