"""What the dashboard says of money: budgets that reached a threshold, and credit that runs low."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.urls import reverse

from .budgets import Standing, standings
from .credit_warnings import credit_of, warnings_of
from .models import Account
from .money import display

SHOWN = 5
WORST_FIRST = ("used_up", "will_exceed", "threshold_reached")


@dataclass(frozen=True, slots=True)
class Notice:
    """One line: a status badge, a sentence and where it leads. ``word`` stands in for the status's own."""

    status: str
    text: str
    url: str
    label: str
    word: str = ""


def notices(account: Account, today: date) -> list[Notice]:
    """What is true now, worst first, budgets at most ``SHOWN``. A constant number of queries."""
    found = standings(account, list(account.budgets.all()), today)
    worth_it = [each for each in found if each.status in WORST_FIRST]
    worth_it.sort(key=lambda each: (WORST_FIRST.index(each.status), -each.percent()))
    shown = [_of_budget(each, account.currency) for each in worth_it[:SHOWN]]
    if (more := len(worth_it) - SHOWN) > 0:
        shown.append(Notice("threshold_reached", f"{more} more budgets.", reverse("billing:budget-list"), "Budgets"))
    return [*_of_credit(account), *shown]


def _of_credit(account: Account) -> Iterator[Notice]:
    credit = credit_of(account)
    for warning in warnings_of(credit) if credit is not None else ():
        word = "Credit used up" if warning.key.endswith("used_up") else "Low credit"
        status = warning.severity.value
        yield Notice(status, warning.subject + ".", reverse("billing:overview"), "Billing", word)


def _of_budget(standing: Standing, currency: str) -> Notice:
    budget = standing.budget
    amount, spent = display(budget.amount, currency), display(standing.spent, currency)
    text = f"“{budget.name}”: {standing.percent()} % used in {standing.span.words}, {spent} of {amount}"
    if standing.status == "will_exceed":
        text += f"; {display(standing.forecast.amount, currency)} are expected"
    return Notice(standing.status, f"{text}.", reverse("billing:budget-detail", args=[budget.pk]), "Budget")
