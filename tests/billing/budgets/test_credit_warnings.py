"""What is said when the credit runs low: the tightest threshold, once per top-up."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing import alerting, services
from billing.models import Account, Alert
from tests.billing.usage import NOON, line, run

pytestmark = pytest.mark.django_db


def said(organization: Any) -> list[str]:
    return [alert.key for alert in alerting.evaluate(services.account_of(organization), NOON)]


def hold(organization: Any, amount: str, reference: str = "resource:9") -> None:
    services.hold_credit(organization=organization, reference=reference, amount=Decimal(amount))


def spend(organization: Any, amount: str) -> None:
    number = services.account_of(organization).entries_count
    services.charge(organization=organization, reference=f"usage:{number}", amount=Decimal(amount))


def test_nothing_is_said_of_an_account_that_never_had_credit(organization: Any):
    assert said(organization) == []
    assert Alert.objects.count() == 0


def test_low_credit_is_said_at_each_threshold_once(organization: Any, credit: Callable[..., Any]):
    credit(organization, "100")
    hold(organization, "79.99")
    assert said(organization) == []
    hold(organization, "0.01", "resource:2")
    assert said(organization) == ["credit:1:available:20"]
    assert said(organization) == []
    hold(organization, "11", "resource:3")
    assert said(organization) == ["credit:1:available:10"]
    hold(organization, "9", "resource:4")
    assert said(organization) == ["credit:1:available:0"]


def test_only_the_tightest_is_said_and_nothing_weaker_after_it(organization: Any, credit: Callable[..., Any]):
    credit(organization, "100")
    hold(organization, "95")
    assert said(organization) == ["credit:1:available:10"]
    services.resize_hold(organization=organization, reference="resource:9", amount=Decimal(85))
    assert said(organization) == []  # 15 % are available again: 20 % would be old news


def test_a_top_up_begins_anew_from_its_own_level(organization: Any, credit: Callable[..., Any]):
    credit(organization, "100")
    spend(organization, "85")
    assert said(organization) == ["credit:1:available:20"]
    credit(organization, "10")  # 25 USD: all of it is available
    assert said(organization) == []
    spend(organization, "20")
    assert said(organization) == ["credit:3:available:20"]


def test_days_left_count_the_balance_at_the_run_rate(organization: Any, credit: Callable[..., Any]):
    credit(organization, "1000")
    run(organization, line(price="5"))  # 120 USD a day
    assert said(organization) == []  # 8.3 days
    spend(organization, "200")
    assert said(organization) == ["credit:1:days:7"]
    spend(organization, "500")
    assert said(organization) == ["credit:1:days:3"]
    alert = Alert.objects.get(key="credit:1:days:3")
    assert alert.subject == "The credit of Acme lasts 2.5 days"
    assert alert.text.startswith(
        "The balance of 300.00 USD lasts 2.5 days at what runs now, 120.00 USD a day. Then new orders are refused; "
        "nothing is destroyed."
    )
    assert alert.data["days_left"] == "2.5"


def test_the_words_for_what_is_available(organization: Any, credit: Callable[..., Any]):
    credit(organization, "500")
    hold(organization, "410")
    said(organization)
    alert = Alert.objects.get()
    assert (alert.kind, alert.severity) == ("credit", "warning")
    assert alert.subject == "18 % of the credit of Acme is available"
    assert alert.text.startswith(
        "90.00 USD can still be ordered, 18 % of the 500.00 USD there were after the last top-up; 410.00 USD are "
        "reserved for what exists or is being made. Destroy what you no longer need, or ask your operator for a top-up."
    )
    assert alert.data["available"] == "90.000000"


def test_used_up_is_said_alone_and_last(organization: Any, credit: Callable[..., Any]):
    credit(organization, "10")
    run(organization, line(price="1"))
    spend(organization, "11")
    assert said(organization) == ["credit:1:used_up"]
    alert = Alert.objects.get()
    assert (alert.severity, alert.subject) == ("critical", "The credit of Acme is used up")
    assert alert.text.startswith(
        "The credit is used up: the balance is -1.00 USD. New orders, and changes that cost more, are refused until it "
        "is topped up. Nothing is destroyed. What runs goes on and costs 24.00 USD a day."
    )
    assert said(organization) == []


def test_a_tenant_whose_machines_will_be_stopped_is_told(organization: Any, credit: Callable[..., Any]):
    credit(organization, "10")
    spend(organization, "10")
    Account.objects.filter(organization=organization).update(stops_machines=True)
    said(organization)
    assert "Nothing is destroyed; machines are stopped, their disks and addresses stay." in Alert.objects.get().text


def test_the_thresholds_are_settings(organization: Any, credit: Callable[..., Any], settings: Any):
    settings.CREDIT_ALERT_PERCENT, settings.CREDIT_ALERT_DAYS = [50], [30]
    credit(organization, "100")
    run(organization, line(price="1"))
    spend(organization, "60")
    assert said(organization) == ["credit:1:available:50", "credit:1:days:30"]
