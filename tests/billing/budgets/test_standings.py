"""The figures of many budgets at once are those of each alone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import budgets, costs, metering, services
from billing.models import Budget, CostForecast
from tests.billing.usage import NOON, line, run

pytestmark = pytest.mark.django_db
TODAY = NOON.date() + timedelta(days=3)


def made(account: Any, number: int, **more: Any) -> Budget:
    return Budget.objects.create(account=account, name=str(number), amount=more.pop("amount", Decimal(100)), **more)


def used(organization: Any) -> None:
    run(organization, line(price="1"), tags={"team": "data"}, at=NOON - timedelta(days=40))
    run(organization, line("aws:storage", "73", "10", unit="gb_month"), reference="resource:2", kind="bucket")
    run(organization, line(price="0.333333"), reference="resource:3", provider="gcp", cloud_account="other")
    metering.book_usage(until=NOON + timedelta(days=3))


def forecasts(account: Any, **scope: str) -> None:
    for days in range(1, 20):
        CostForecast.objects.create(
            account=account, day=TODAY + timedelta(days=days), amount=days, low=days - 1, high=days + 1,
            method="holt-winters", made_at=NOON, **scope,
        )  # fmt: skip


def test_each_standing_is_what_costs_says_of_its_scope(organization: Any):
    used(organization)
    account = services.account_of(organization)
    forecasts(account)
    forecasts(account, scope="kind", value="vm")
    scopes = [
        ("organization", ""), ("kind", "vm"), ("kind", "bucket"), ("provider", "gcp"), ("account", "other"),
        ("tag", "team=data"), ("tag", "team=none"),
    ]  # fmt: skip
    rows = [
        made(account, 10 * number + order, scope=scope, value=value, period=period)
        for number, (scope, value) in enumerate(scopes)
        for order, period in enumerate(("monthly", "quarterly", "yearly"))
    ]
    with CaptureQueriesContext(connection) as captured:
        found = budgets.standings(account, rows, TODAY)
    assert len(captured) == 3
    assert [each.budget for each in found] == rows
    for each in found:
        scope, span = budgets.scope_of(each.budget), each.span
        assert each.spent == costs.spent(account, scope, span.first, TODAY)
        assert each.hourly == costs.hourly_rate(account, scope)
        assert each.forecast == costs.period_end(account, scope, span.first, span.last, TODAY)
    assert found[0].spent < found[1].spent  # the quarter began before the month
    assert found[0].forecast.method == "holt-winters"


def test_no_budgets_cost_no_query(organization: Any):
    account = services.account_of(organization)
    with CaptureQueriesContext(connection) as captured:
        assert budgets.standings(account, [], TODAY) == []
    assert len(captured) == 0


def test_a_threshold_is_reached_at_its_amount_and_not_before(organization: Any):
    run(organization, line(price="1"))
    metering.book_usage(until=NOON + timedelta(hours=80))
    account = services.account_of(organization)
    thresholds = [{"percent": percent, "on": "actual"} for percent in (79, 80, 81)]
    [standing] = budgets.standings(account, [made(account, 1, thresholds=thresholds)], TODAY)
    assert [each["percent"] for each in standing.reached] == [79, 80]
    assert standing.percent() == Decimal("80.0")


def test_percentages_are_rounded_down_so_that_100_means_reached(organization: Any):
    run(organization, line(price="1"))
    metering.book_usage(until=NOON + timedelta(hours=1))
    account = services.account_of(organization)
    [standing] = budgets.standings(account, [made(account, 1, amount=Decimal("1.000001"))], TODAY)
    assert standing.percent() == Decimal("99.9")
    assert standing.left == Decimal("0.000001")


def test_yesterdays_period_does_not_count(organization: Any):
    run(organization, line(price="1"), at=NOON - timedelta(days=2))  # 28 February, noon
    metering.book_usage(until=NOON)
    account = services.account_of(organization)
    [standing] = budgets.standings(account, [made(account, 1)], NOON.date())
    assert standing.spent == Decimal(36)  # since midnight of the first of March
