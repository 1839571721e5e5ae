"""What is said of budgets: once per threshold, basis and period."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from accounts.actors import Actor
from billing import alerting, budgets, metering, services
from billing.models import Alert, Budget, Channel, CostForecast, Delivery
from billing.tasks import evaluate_budgets
from tests.billing.usage import NOON, line, run

pytestmark = pytest.mark.django_db
Make = Callable[..., Budget]
HOURS = 83
NOW = NOON + timedelta(hours=HOURS)  # 5 March 2026, 23:00


@pytest.fixture
def account(tenant: SimpleNamespace) -> Any:
    """83.00 USD were spent in March 2026; what runs costs 1 USD an hour."""
    run(tenant.organization, line(price="1"), tags={"team": "data"})
    metering.book_usage(until=NOW)
    return services.account_of(tenant.organization)


def keys(account: Any, now: datetime = NOW) -> list[str]:
    """The ends of the keys of what is said now, for the first time."""
    return [alert.key.split(":", 2)[2] for alert in alerting.evaluate(account, now)]


def test_each_threshold_that_is_reached_is_said(budget: Make, account: Any):
    budget(
        amount="100",
        thresholds=[50, 80, 83, 84, {"percent": 700, "on": "forecast"}, {"percent": 730, "on": "run_rate"}],
    )
    # the forecast: 83 spent, and 26 days of 24 USD after today
    assert keys(account) == [
        "2026-03:actual:50", "2026-03:actual:80", "2026-03:actual:83", "2026-03:forecast:700", "2026-03:run_rate:730",
    ]  # fmt: skip


def test_nothing_is_said_twice(budget: Make, account: Any):
    budget(amount="100", thresholds=[50])
    assert len(keys(account)) == 1
    assert keys(account) == keys(account, NOW + timedelta(days=2)) == []
    assert Alert.objects.count() == Delivery.objects.count() == 1


def test_the_next_period_begins_anew(budget: Make, account: Any):
    budget(amount="10", thresholds=[50])
    assert keys(account) == ["2026-03:actual:50"]
    assert keys(account, datetime(2026, 3, 31, 23, 59, tzinfo=UTC)) == []
    assert keys(account, datetime(2026, 4, 1, tzinfo=UTC)) == []  # nothing was used in April yet
    metering.book_usage(until=datetime(2026, 4, 1, 6, tzinfo=UTC))
    assert keys(account, datetime(2026, 4, 1, 6, 1, tzinfo=UTC)) == ["2026-04:actual:50"]


@pytest.mark.parametrize(("period", "key"), [("quarterly", "2026-Q1"), ("yearly", "2026")])
def test_longer_periods_have_keys_of_their_own(budget: Make, account: Any, period: str, key: str):
    budget(amount="100", period=period, thresholds=[50])
    assert keys(account) == [f"{key}:actual:50"]


def test_a_changed_amount_repeats_nothing_but_new_thresholds_count(
    budget: Make, account: Any, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
):
    made, actor = budget(amount="100", thresholds=[80]), actor_for(tenant.owner)
    assert keys(account) == ["2026-03:actual:80"]
    budgets.change_budget(actor=actor, budget=made, amount=Decimal(1000))
    assert keys(account) == []
    budgets.change_budget(actor=actor, budget=made, amount=Decimal(90), thresholds=[70, 80, 90, 95])
    assert keys(account) == ["2026-03:actual:70", "2026-03:actual:90"]


def test_the_words_for_what_was_spent(budget: Make, account: Any):
    made = budget("Team data", "100", scope="tag", value="team=data", thresholds=[80])
    [alert] = alerting.evaluate(account, NOW)
    assert alert.subject == "83 % of the March 2026 budget “Team data” is used (threshold 80 %)"
    assert alert.text == (
        "You have used 83 % (83.00 USD) of the March 2026 budget “Team data”: 100.00 USD for everything tagged "
        "team=data. It will probably be 707.00 USD by 31 March 2026; what runs now costs 730.00 USD per month. You "
        "asked to be told at 80 %."
    )
    assert (alert.kind, alert.severity, alert.budget) == ("budget", "warning", made)
    assert alert.data["url"] == f"{settings.SITE_URL}/billing/budgets/{made.pk}/"
    assert {name: alert.data[name] for name in ("period", "basis", "threshold", "percent", "amount", "spent")} == {
        "period": "2026-03",
        "basis": "actual",
        "threshold": 80,
        "percent": "83.0",
        "amount": "100.000000",
        "spent": "83.000000",
    }


def test_the_words_for_what_is_expected(budget: Make, account: Any):
    for days in range(1, 27):
        CostForecast.objects.create(
            account=account, day=NOW.date() + timedelta(days=days), amount=1, low=0, high=2,
            method="holt-winters", made_at=NOW,
        )  # fmt: skip
    budget("All", "100", thresholds=[{"percent": 100, "on": "forecast"}], is_blocking=True)
    [alert] = alerting.evaluate(account, NOW)
    assert alert.subject == "109 % of the March 2026 budget “All” is expected to be used (threshold 100 %)"
    assert alert.text.startswith(
        "By the end of March 2026 you will probably have used 109 % (109.00 USD) of the March 2026 budget “All”: "
        "100.00 USD for everything. So far it is 83.00 USD; what runs now costs 730.00 USD per month. You asked to be "
        "told at 100 %. Orders that would break it are refused."
    )
    assert alert.severity == "warning"


def test_the_words_for_the_run_rate(budget: Make, account: Any):
    budget("All", "4380", period="quarterly", thresholds=[{"percent": 50, "on": "run_rate"}])
    [alert] = alerting.evaluate(account, NOW)
    assert alert.subject == "What runs now takes 50 % of the Q1 2026 budget “All” (threshold 50 %)"
    assert alert.text.startswith(
        "What runs now costs 50 % (2,190.00 USD) of the Q1 2026 budget “All”: 4,380.00 USD for everything. So far "
        "83.00 USD was used; by 31 March 2026 it will probably be 707.00 USD. You asked to be told at 50 %."
    )
    assert alert.severity == "info"


def test_money_that_is_gone_is_critical(budget: Make, account: Any):
    budget(amount="83", thresholds=[100])
    [alert] = alerting.evaluate(account, NOW)
    assert alert.severity == "critical"


def test_it_goes_to_the_budgets_channels_or_else_to_owners_and_admins(budget: Make, account: Any):
    ops = Channel.objects.create(account=account, name="ops", kind="email", address="a@b.c", hint="a…")
    budget("Told", "100", thresholds=[80], notify=[ops.pk])
    budget("Usual", "100", thresholds=[80])
    alerting.evaluate(account, NOW)
    sent = Delivery.objects.order_by("alert__budget__name").values_list("alert__budget__name", "channel__kind")
    assert list(sent) == [("Told", "email"), ("Usual", "team")]


def test_what_was_said_outlives_its_budget(
    budget: Make, account: Any, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
):
    made = budget(amount="100", thresholds=[80])
    alerting.evaluate(account, NOW)
    budgets.delete_budget(actor=actor_for(tenant.owner), budget=made)
    assert Alert.objects.get().budget is None


def test_one_account_that_fails_does_not_keep_the_others_waiting(
    budget: Make, account: Any, stranger: Any, monkeypatch: pytest.MonkeyPatch
):
    budget(amount="100", thresholds=[80])
    broken = services.account_of(stranger.organization)
    Budget.objects.create(account=broken, name="x", amount=1, thresholds=[{"percent": 1, "on": "nothing"}])
    assert alerting.evaluate_all(NOW) == 1


def test_the_command_and_the_tick_say_what_is_true_now(budget: Make, tenant: SimpleNamespace):
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    run(tenant.organization, line(price="1"), at=hour)
    metering.book_usage(until=hour + timedelta(hours=1))
    budget(amount="1", thresholds=[100])
    out = StringIO()
    call_command("evaluate_budgets", stdout=out)
    assert out.getvalue() == "1 new alert.\n"
    evaluate_budgets()
    assert Alert.objects.count() == 1
