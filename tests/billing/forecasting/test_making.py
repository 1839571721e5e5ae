"""From daily costs and meters to stored forecasts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from billing import costs, services
from billing.costs import EVERYTHING, Scope
from billing.forecasting import making
from billing.forecasting.due import accounts_due
from billing.forecasting.history import pasts
from billing.forecasting.making import forecast_account
from billing.models import CostForecast, Meter

from . import history
from .history import DAY, TODAY, midnight, running

NOW = midnight(TODAY) + timedelta(minutes=20)


def stored(account, scope=EVERYTHING):
    return CostForecast.objects.filter(account=account, scope=scope.kind, value=scope.value)


def test_every_part_of_the_cost_is_forecast_for_today_and_a_quarter(organization):
    running(organization, "web", per_day=24, tags={"team": "data", "env": "prod"})
    running(organization, "files", per_day=6, provider="gcp", kind="bucket", cloud_account="c2")
    account = services.account_of(organization)
    assert forecast_account(account, now=NOW) == 1 + 2 + 2 + 2 + 2
    expected = {
        EVERYTHING: 30,
        Scope("provider", "aws"): 24,
        Scope("provider", "gcp"): 6,
        Scope("account", "c2"): 6,
        Scope("kind", "bucket"): 6,
        Scope("tag", "team=data"): 24,
        Scope("tag", "env=prod"): 24,
    }
    for scope, amount in expected.items():
        rows = list(stored(account, scope))
        assert [row.day for row in rows] == [TODAY + DAY * number for number in range(93)]
        assert {row.amount.quantize(Decimal("0.01")) for row in rows} == {Decimal(amount)}
        assert {row.made_at for row in rows} == {NOW}


def test_the_end_of_the_month_reads_it(organization):
    running(organization, per_day=24)
    account = services.account_of(organization)
    forecast_account(account, now=NOW)
    month = costs.month_end(account, EVERYTHING, TODAY)
    assert month.amount.quantize(Decimal("0.01")) == 24 * 2 + 24 * 27  # two days spent, today not yet, 27 to come
    assert month.low <= month.amount <= month.high
    assert month.method != "run rate"


def test_making_it_again_replaces_it_as_a_whole(organization):
    running(organization, per_day=24, tags={"team": "data"})
    account = services.account_of(organization)
    forecast_account(account, now=NOW)
    first = list(CostForecast.objects.values_list("scope", "value", "day", "amount", "low", "high", "method"))
    forecast_account(account, now=NOW + timedelta(hours=1))
    assert list(CostForecast.objects.values_list("scope", "value", "day", "amount", "low", "high", "method")) == first
    assert set(CostForecast.objects.values_list("made_at", flat=True)) == {NOW + timedelta(hours=1)}
    account.billed_resources.update(tags={})
    forecast_account(account, now=NOW + timedelta(hours=2))
    assert not stored(account, Scope("tag", "team=data")).exists()


def test_a_part_younger_than_two_weeks_stays_at_its_run_rate(organization):
    running(organization, "web", days=60)
    running(organization, "new", days=13, kind="kubernetes")
    account = services.account_of(organization)
    forecast_account(account, now=NOW)
    assert not stored(account, Scope("kind", "kubernetes")).exists()
    assert costs.month_end(account, Scope("kind", "kubernetes"), TODAY).method == "run rate"
    assert stored(account, Scope("kind", "vm")).exists()


def test_one_bad_series_does_not_stop_the_others(organization, monkeypatch, caplog):
    running(organization, "web", per_day=24)
    running(organization, "files", per_day=6, kind="bucket")
    account, real = services.account_of(organization), making.forecast

    def sometimes(past, days):
        if past.costs[-1] == 24:
            raise RuntimeError("singular")
        found = real(past, days)
        if past.costs[-1] == 6:
            found.amount[3] = np.nan
        return found

    monkeypatch.setattr(making, "forecast", sometimes)
    forecast_account(account, now=NOW)
    assert {row.scope for row in CostForecast.objects.filter(day=TODAY)} == {"organization", "provider", "account"}
    assert "No forecast of kind vm" in caplog.text
    assert "A forecast of kind bucket" in caplog.text


def test_what_died_while_replacing_leaves_the_old_forecast(organization, monkeypatch):
    running(organization)
    account = services.account_of(organization)
    forecast_account(account, now=NOW)
    before = list(CostForecast.objects.order_by("pk").values())

    def die(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(CostForecast.objects), "bulk_create", die)
    with pytest.raises(KeyboardInterrupt):
        forecast_account(account, now=NOW + timedelta(hours=1))
    assert list(CostForecast.objects.order_by("pk").values()) == before


@pytest.mark.django_db(transaction=True)
def test_two_at_once_leave_one_forecast(organization):
    running(organization)
    account = services.account_of(organization)

    def elsewhere(number):
        try:
            return forecast_account(account, now=NOW + timedelta(seconds=number))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(elsewhere, range(8))) == [4] * 8
    assert stored(account).count() == 93


def test_rates_are_what_ran_at_the_end_of_each_day(organization):
    billed = running(organization, per_day=24, days=30)
    Meter.objects.update(ends_at=midnight(TODAY - 5 * DAY), metered_until=midnight(TODAY - 5 * DAY))
    history.meter(billed, 48, since=TODAY - 5 * DAY)
    history.meter(
        billed, 24, since=TODAY - 2 * DAY, line="disk", unit="gb_month", unit_price=Decimal(730), quantity=Decimal(1)
    )
    past = pasts(services.account_of(organization), TODAY)[EVERYTHING]
    assert past.rates[-8:].round(3).tolist() == [24, 24, 48, 48, 48, 72, 72, 72]
    assert past.costs[-3:].tolist() == [24.0] * 3
    assert past.costs[:-30].sum() == 0


def test_machines_that_live_for_hours_are_not_expected_to_stay(organization):
    """Twelve of them ran in the evening, the last one yesterday."""
    running(organization, per_day=24, days=30)
    for day in range(1, 13):
        born = midnight(TODAY - day * DAY) + timedelta(hours=16)
        life = {"starts_at": born, "ends_at": born + timedelta(hours=10) if day > 1 else None, "metered_until": born}
        history.meter(history.resource(organization, f"trial-{day}"), 24, since=TODAY, **life)
    rates = pasts(services.account_of(organization), TODAY)[EVERYTHING].rates
    prospects = (1 + 3) / (12 + 3)  # of 12 that can be judged one stayed; three more are believed to
    assert rates[-1] == pytest.approx(24 + 24 * prospects)


def test_only_accounts_with_history_and_without_a_forecast_of_today_are_due(organization, stranger):
    running(organization, days=20)
    running(stranger.organization, days=10)
    account = services.account_of(organization)
    assert list(accounts_due(TODAY)) == [account]
    forecast_account(account, now=NOW)
    assert list(accounts_due(TODAY)) == []
    Meter.objects.update(metered_until=midnight(TODAY + DAY))
    assert account in accounts_due(TODAY + DAY)


def test_an_account_waits_until_its_last_day_is_booked(organization):
    running(organization, days=20)
    Meter.objects.update(metered_until=midnight(TODAY) - timedelta(hours=1))
    assert list(accounts_due(TODAY)) == []


def test_the_command_forecasts_one_or_all(organization, capsys, time_machine):
    time_machine.move_to(NOW)
    running(organization, days=20)
    call_command("forecast_costs", organization=organization.slug)
    assert "1 accounts forecast, 4 series" in capsys.readouterr().out
    call_command("forecast_costs", "--due")
    assert "0 accounts forecast" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no organization 'nobody'"):
        call_command("forecast_costs", organization="nobody")


def test_one_account_in_trouble_is_named_and_the_others_go_on(organization, stranger, monkeypatch, capsys):
    for each in (organization, stranger.organization):
        running(each)
    bad, real = services.account_of(organization), making.pasts
    monkeypatch.setattr(making, "pasts", lambda account, day: 1 / 0 if account == bad else real(account, day))
    with pytest.raises(SystemExit):
        call_command("forecast_costs")
    said = capsys.readouterr()
    assert f"Account {bad.pk}: ZeroDivisionError" in said.err
    assert "1 accounts forecast" in said.out
