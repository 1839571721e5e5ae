"""Whether an order would break a budget, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import limits, metering, services
from billing.limits import Breach, BudgetExceeded, Load
from billing.models import Budget
from tests.billing.usage import NOON, facts, line, run

pytestmark = pytest.mark.django_db
LAST_DAYS = datetime(2026, 3, 30, tzinfo=UTC)  # 48 hours before the end of the month


def made(organization: Any, amount: str, **more: Any) -> Budget:
    account = services.account_of(organization)
    return Budget.objects.create(account=account, name=more.pop("name", "All"), amount=Decimal(amount), **more)


def foreseen(
    organization: Any, hourly: str, *, coming: Sequence[Load] = (), now: datetime = NOON, **about: Any
) -> list[Breach]:
    order = Load(facts(about.pop("reference", "resource:new"), **about), Decimal(hourly))
    return limits.foreseen(services.account_of(organization), order=order, coming=lambda: coming, now=now)


def test_an_order_within_the_run_rate_is_fine_and_one_above_is_not(organization: Any):
    made(organization, "730")
    assert foreseen(organization, "1") == []
    [breach] = foreseen(organization, "1.01", now=LAST_DAYS)
    assert (breach.over, breach.run_rate, breach.expected) == (Decimal("7.3"), Decimal("737.3"), Decimal("48.48"))
    assert str(breach) == (
        "With this, what runs would cost 737.30 USD per month: 7.30 USD more than the budget “All” allows (730.00 USD)."
    )


def test_what_was_spent_and_the_order_until_the_end_may_not_exceed_it(organization: Any):
    run(organization, line(price="40"))
    metering.book_usage(until=NOON + timedelta(hours=10))
    metering.end_meters(organization=organization, reference="resource:1", at=NOON + timedelta(hours=10))
    made(organization, "430")  # 400 are spent
    assert foreseen(organization, "0.5", now=LAST_DAYS) == []  # 400 + 24
    [breach] = foreseen(organization, "0.75", now=LAST_DAYS, kind="bucket")  # 400 + 36; the run-rate is 547.50
    assert breach.expected == Decimal(436)
    Budget.objects.update(amount=Decimal(600))
    assert foreseen(organization, "0.75", now=LAST_DAYS) == []


def test_the_sentence_says_when_and_by_how_much(organization: Any):
    run(organization, line(price="40"))
    metering.book_usage(until=NOON + timedelta(hours=20))
    metering.end_meters(organization=organization, reference="resource:1", at=NOON + timedelta(hours=20))
    made(organization, "800.5")
    [breach] = foreseen(organization, "1", now=LAST_DAYS)
    assert str(breach) == (
        "With this, 848.00 USD would be used by 31 March 2026: 47.50 USD more than the budget “All” allows "
        "(800.50 USD)."
    )


def test_only_budgets_about_what_is_ordered_count(organization: Any):
    for number, (scope, value) in enumerate(
        [
            ("organization", ""),
            ("provider", "aws"),
            ("provider", "gcp"),
            ("kind", "vm"),
            ("kind", "bucket"),
            ("account", facts().cloud_account),
            ("account", "other"),
            ("tag", "team=data"),
            ("tag", "team=web"),
            ("tag", "owner=data"),
        ]
    ):
        made(organization, "1", name=str(number), scope=scope, value=value)
    broken = {breach.budget.name for breach in foreseen(organization, "1", tags={"team": "data"})}
    assert broken == {"0", "1", "3", "5", "7"}
    assert {breach.budget.name for breach in foreseen(organization, "1", provider="gcp", kind="bucket")} == {
        "0",
        "2",
        "4",
        "5",
    }


def test_what_was_ordered_and_does_not_run_yet_counts(organization: Any):
    made(organization, "730", scope="kind", value="vm")
    pending = Load(facts("resource:pending"), Decimal("0.6"))
    bucket = Load(facts("resource:bucket", kind="bucket"), Decimal(9))
    assert foreseen(organization, "0.4", coming=[pending, bucket]) == []
    [breach] = foreseen(organization, "0.5", coming=[pending, bucket])
    assert breach.over == Decimal(73)


def test_a_change_counts_with_what_it_adds(organization: Any):
    run(organization, line(price="0.9"))
    made(organization, "730")
    assert foreseen(organization, "1", reference="resource:1") == []
    [breach] = foreseen(organization, "1.1", reference="resource:1")
    assert breach.over == Decimal(73)


def test_what_cheapens_never_breaks_a_budget(organization: Any):
    run(organization, line(price="9"))
    made(organization, "1")
    assert foreseen(organization, "9", reference="resource:1") == []
    assert foreseen(organization, "8", reference="resource:1") == []
    assert foreseen(organization, "0") == []


def test_a_pending_change_counts_with_what_it_adds_and_never_with_what_it_saves(organization: Any):
    run(organization, line(price="0.5"))
    made(organization, "730")
    grows, shrinks = (Load(facts("resource:1"), Decimal(rate)) for rate in ("0.7", "0.1"))
    assert [breach.over for breach in foreseen(organization, "0.4", coming=[grows])] == [Decimal(73)]
    assert foreseen(organization, "0.4", coming=[shrinks]) == []
    assert [breach.over for breach in foreseen(organization, "0.6", coming=[shrinks])] == [Decimal(73)]


def check(organization: Any, hourly: str) -> None:
    limits.check_budgets(
        organization=organization, order=Load(facts("resource:new"), Decimal(hourly)), coming=list, now=NOON
    )


def test_only_blocking_budgets_refuse(organization: Any):
    made(organization, "1", name="Warns")
    check(organization, "1")
    made(organization, "2", name="Refuses", is_blocking=True)
    with pytest.raises(BudgetExceeded) as refused:
        check(organization, "1")
    assert [breach.budget.name for breach in refused.value.breaches] == ["Refuses"]
    assert str(refused.value).endswith("or ask an owner or admin to raise the budget.")


def test_an_organization_without_such_a_budget_costs_one_query(organization: Any):
    made(organization, "1", scope="kind", value="bucket", is_blocking=True)
    with CaptureQueriesContext(connection) as captured:
        check(organization, "1")
    assert len(captured) == 1


def test_the_hold_says_whether_there_are_blocking_budgets(organization: Any, credit: Any):
    credit(organization, "10")
    made(organization, "1", name="Warns")
    hold = services.hold_credit(organization=organization, reference="resource:1", amount=Decimal(1))
    assert hold.has_blocking_budgets is False
    made(organization, "1", name="Refuses", is_blocking=True)
    hold = services.hold_credit(organization=organization, reference="resource:2", amount=Decimal(1))
    assert hold.has_blocking_budgets is True
