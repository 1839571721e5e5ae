"""A day that cost too much, found with its cause."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command

from billing import services
from billing.anomalies import find_anomalies
from billing.forecasting.due import days_to_check
from billing.models import Alert, CostAnomaly, CostForecast
from tests.billing.forecasting import history
from tests.billing.forecasting.history import DAY, TODAY, midnight, running

YESTERDAY = TODAY - DAY


@pytest.fixture
def account(organization):
    """Six weeks of a machine at 10 a day."""
    running(organization, "base", per_day=10, days=42)
    return services.account_of(organization)


def found(account, day=YESTERDAY):
    """The one anomaly of ``day``, and the one resource that it names."""
    [anomaly] = find_anomalies(account, day)
    [resource] = anomaly.detail["resources"]
    return anomaly, resource


def test_a_usual_day_is_no_anomaly(account):
    assert find_anomalies(account, YESTERDAY) == []


def test_a_new_resource(account, organization):
    running(organization, "cluster", per_day=48, days=1, kind="kubernetes", provider="gcp")
    anomaly, resource = found(account)
    assert (anomaly.scope, anomaly.cause) == ("organization", "new")
    assert (anomaly.expected, anomaly.actual, anomaly.excess) == (10, 58, 48)
    assert resource == {
        "reference": "resource:cluster",
        "name": "cluster",
        "provider": "gcp",
        "kind": "kubernetes",
        "expected": "0.000000",
        "actual": "48.000000",
        "excess": "48.000000",
        "going_on": "48.000000",
        "cause": "new",
        "text": "is new: t3.small, since 2 Jun, 00:00 UTC",
    }


def test_a_resized_resource(account, organization):
    billed = history.resource(organization, "web")
    history.costs(billed, [2] * 41 + [16])
    history.meter(billed, 2, since=TODAY - 42 * DAY, until=YESTERDAY)
    history.meter(billed, 16, since=YESTERDAY, line="large", sku="aws:compute:t3.xlarge", label="t3.xlarge")
    anomaly, resource = found(account)
    assert (anomaly.cause, resource["cause"]) == ("resized", "resized")
    assert resource["text"] == "changed from t3.small to t3.xlarge on 2 Jun"


def test_more_of_the_same(account, organization):
    billed = history.resource(organization, "data")
    history.costs(billed, [2] * 41 + [16])
    disk = {"line": "disk", "label": "gp3 disk", "sku": "disk", "unit": "gb_month", "unit_price": Decimal("7.6")}
    history.meter(billed, 2, since=TODAY - 42 * DAY, until=YESTERDAY, quantity=Decimal(8), **disk)
    history.meter(billed, 16, since=YESTERDAY, quantity=Decimal(64), **disk)
    _, resource = found(account)
    assert resource["text"] == "has 64 instead of 8 of gp3 disk since 2 Jun"


def test_more_hours(account, organization):
    """A machine that usually runs from 8 to 18, and whose disk is always there."""
    billed = history.resource(organization, "ci")
    history.meter(billed, 1, since=TODAY - 42 * DAY, line="disk", sku="disk", label="disk")
    for day in range(1, 43):
        hours = 24 if day == 1 else 10
        start = midnight(TODAY - day * DAY) + timedelta(hours=0 if day == 1 else 8)
        machine = {"starts_at": start, "ends_at": start + timedelta(hours=hours), "metered_until": start}
        history.meter(billed, 24, since=TODAY, is_paused_by_stop=True, **machine)
    history.costs(billed, [11] * 41 + [25])
    anomaly, resource = found(account)
    assert (anomaly.cause, resource["cause"]) == ("hours", "hours")
    assert resource["text"] == "ran 24 h instead of 10 h on 26 May"


@pytest.mark.parametrize(
    ("listed", "cause", "text"),
    [
        (2, "price", "has a new price since 2 Jun: t3.small 0.50 USD to 1.00 USD per hour"),
        (1, "terms", "has another discount or markup since 2 Jun: 0.50 USD to 1.00 USD per hour"),
    ],
)
def test_another_price(account, organization, listed, cause, text):
    billed = history.resource(organization, "web")
    history.costs(billed, [12] * 41 + [24])
    history.meter(billed, 12, since=TODAY - 42 * DAY, until=YESTERDAY, list_price=Decimal(1))
    history.meter(billed, 24, since=YESTERDAY, list_price=Decimal(listed))
    anomaly, resource = found(account)
    assert (anomaly.cause, resource["cause"], resource["text"]) == (cause, cause, text)


def test_no_single_cause(account, organization):
    """Costs without a change that meters know of, as after a correction."""
    billed = running(organization, "odd", per_day=5, days=41)
    billed.daily_costs.filter(day=YESTERDAY).update(amount=Decimal(40))
    anomaly, resource = found(account)
    assert (anomaly.cause, resource["text"]) == ("unknown", "cost more than usual")


def test_several_causes_are_named_until_they_explain_most_of_it(account, organization):
    for number, per_day in enumerate([20, 8, 6, 1]):
        running(organization, f"new-{number}", per_day=per_day, days=1)
    [anomaly] = find_anomalies(account, YESTERDAY)
    assert [each["name"] for each in anomaly.detail["resources"]] == ["new-0", "new-1"]
    assert anomaly.detail["others"] == 2
    assert anomaly.cause == "new"


def test_different_causes_of_equal_weight_are_mixed(account, organization):
    running(organization, "new", per_day=10, days=1)
    billed = running(organization, "odd", per_day=5, days=41)
    billed.daily_costs.filter(day=YESTERDAY).update(amount=Decimal(15))
    [anomaly] = find_anomalies(account, YESTERDAY)
    assert anomaly.cause == "mixed"


def test_what_does_not_show_in_the_sum_is_found_in_its_part(organization):
    """Days that differ a lot hide a bucket that tripled; its kind's days do not."""
    busy = history.resource(organization, "busy")
    history.costs(busy, [60, 140, 95, 105, 150, 50, 100, 90, 110] * 5)
    running(organization, "bucket", per_day=5, days=45, kind="bucket").daily_costs.filter(day=YESTERDAY).update(
        amount=Decimal(15)
    )
    anomaly, resource = found(services.account_of(organization))
    assert (anomaly.scope, anomaly.value, anomaly.label) == ("kind", "bucket", "Storage bucket")
    assert resource["name"] == "bucket"


def test_a_single_resource_is_found_where_its_parts_are_too_restless(organization):
    busy = history.resource(organization, "busy")
    history.costs(busy, [60, 140, 95, 105, 150, 50, 100, 90, 110] * 5)
    running(organization, "quiet", per_day=5, days=45).daily_costs.filter(day=YESTERDAY).update(amount=Decimal(15))
    anomaly, _ = found(services.account_of(organization))
    assert (anomaly.scope, anomaly.value, anomaly.label) == ("resource", "resource:quiet", "quiet")


def test_looking_again_finds_nothing_new(account, organization):
    running(organization, "cluster", per_day=48, days=1)
    assert len(find_anomalies(account, YESTERDAY)) == 1
    before = list(CostAnomaly.objects.values())
    assert find_anomalies(account, YESTERDAY) == []
    assert list(CostAnomaly.objects.values()) == before
    assert Alert.objects.count() == 1


def test_what_goes_on_is_said_once(account, organization):
    running(organization, "cluster", per_day=48, days=3)
    counts = [len(find_anomalies(account, TODAY - day * DAY)) for day in (3, 2, 1)]
    assert counts == [1, 0, 0]


def test_what_began_in_the_middle_of_a_day_is_said_once(account, organization):
    billed = history.resource(organization, "late")
    history.meter(billed, 48, since=TODAY, starts_at=midnight(TODAY - 2 * DAY) + timedelta(hours=18))
    history.costs(billed, [12, 48])
    assert [len(find_anomalies(account, TODAY - day * DAY)) for day in (2, 1)] == [1, 0]


def test_what_grows_further_is_said_again(account, organization):
    billed = running(organization, "cluster", per_day=48, days=2)
    billed.daily_costs.filter(day=YESTERDAY).update(amount=Decimal(96))
    assert [len(find_anomalies(account, TODAY - day * DAY)) for day in (2, 1)] == [1, 1]


def test_another_resource_is_said_though_one_goes_on(account, organization):
    running(organization, "cluster", per_day=48, days=2)
    running(organization, "second", per_day=30, days=1)
    assert len(find_anomalies(account, TODAY - 2 * DAY)) == 1
    _, resource = found(account)
    assert resource["name"] == "second"


def test_an_alert_says_it_with_its_cause(account, organization):
    running(organization, "cluster", per_day=48, days=1)
    [anomaly] = find_anomalies(account, YESTERDAY)
    alert = Alert.objects.get()
    assert (alert.kind, alert.key) == ("anomaly", "anomaly:2026-06-02:organization:")
    assert alert.subject == "Unusual cost on 2 Jun 2026: 48.00 USD more than expected"
    assert alert.text == (
        "All resources together cost 58.00 USD; 10.00 USD would have been usual.\n"
        "- cluster is new: t3.small, since 2 Jun, 00:00 UTC."
    )
    assert (alert.data["anomaly"], alert.data["excess"]) == (str(anomaly.pk), "48.000000")


def test_an_anomaly_that_cannot_be_announced_is_not_written(account, organization, monkeypatch):
    running(organization, "cluster", per_day=48, days=1)
    monkeypatch.setattr("billing.anomalies.services.announce", lambda **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        find_anomalies(account, YESTERDAY)
    assert CostAnomaly.objects.count() == 0


def test_the_days_since_the_last_forecast_are_looked_at(account, organization, time_machine):
    time_machine.move_to(midnight(TODAY) + timedelta(hours=1))
    assert days_to_check(account, TODAY) == [YESTERDAY]
    call_command("forecast_costs", "--due")
    assert days_to_check(account, TODAY) == []
    running(organization, "cluster", per_day=48, days=2)
    CostForecast.objects.update(made_at=midnight(TODAY - 3 * DAY))
    assert days_to_check(account, TODAY) == [TODAY - 3 * DAY, TODAY - 2 * DAY, YESTERDAY]
    call_command("forecast_costs", "--due")
    assert CostAnomaly.objects.get().day == TODAY - 2 * DAY
    CostForecast.objects.update(made_at=midnight(TODAY - 30 * DAY))
    assert len(days_to_check(account, TODAY)) == 7
