from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from billing import costs, services
from billing.costs import Grouping, Period
from billing.ledger import differences
from billing.models import DailyCost, LedgerEntry, Meter, UsageRecord
from clouds.models import CloudAccount
from provisioning.management.history import ACCOUNTS, LIVES, SPIKE, happenings
from provisioning.models import Resource, Run

# Committed hour by hour, as in life: in one transaction every hour would wade through the row versions of those before.
pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 20, 9, 30, tzinfo=UTC)
REGIONS = {"aws": "eu-west-1", "azure": "westeurope", "gcp": "europe-west1"}
DAYS = 10


@pytest.fixture
def seeded(tenant, shelf, settings, monkeypatch):
    """Ten days of history until NOW."""
    for name, provider in ACCOUNTS.items():
        CloudAccount.objects.create(
            organization=tenant.organization,
            provider=provider,
            name=name,
            credentials={},
            default_region=REGIONS[provider],
            status="verified",
        )
    monkeypatch.setattr("provisioning.management.commands.seed_usage.timezone.now", lambda: NOW)
    settings.DEBUG = True
    seed()
    return services.account_of(tenant.organization)


def seed(**options):
    call_command("seed_usage", organization="acme", days=DAYS, verbosity=0, stdout=StringIO(), **options)


def test_a_past_is_metered_booked_and_paid(seeded):
    assert list(differences()) == []
    assert seeded.available > 0
    spent = UsageRecord.objects.aggregate(total=Sum("amount"))["total"]
    assert spent == DailyCost.objects.aggregate(total=Sum("amount"))["total"]
    assert -spent == LedgerEntry.objects.filter(kind="charge").aggregate(total=Sum("amount"))["total"]
    assert set(Meter.objects.running().values_list("metered_until", flat=True)) == {NOW.replace(minute=0)}
    by_day = dict(costs.by_day(seeded, costs.EVERYTHING, NOW.date() - timedelta(days=DAYS), NOW.date()))
    spike = NOW.date() - timedelta(days=DAYS - int(DAYS * SPIKE))
    assert max(by_day, key=lambda day: by_day[day]) == spike
    seed()
    assert Resource.objects.count() == len(LIVES)
    it_has_three_clouds_all_kinds_teams_and_a_rhythm(seeded)


def it_has_three_clouds_all_kinds_teams_and_a_rhythm(seeded):
    period = Period((NOW - timedelta(days=DAYS)).date(), NOW.date())
    keys = {
        grouping: {group.key for group in costs.break_down(seeded, period, grouping, tag_name="team").groups}
        for grouping in Grouping
    }
    assert keys[Grouping.PROVIDER] == {"aws", "azure", "gcp"}
    assert keys[Grouping.KIND] == {"vm", "bucket", "kubernetes"}
    assert keys[Grouping.TAG] == {"web", "data", "platform", ""}
    assert len(keys[Grouping.ACCOUNT]) == len(ACCOUNTS)
    assert len(keys[Grouping.RESOURCE]) == len(LIVES)
    assert set(Run.objects.values_list("operation", flat=True)) == {"create", "update", "stop", "start", "destroy"}


def test_machines_that_rest_at_weekends_cost_their_disk_then():
    etl = next(life for life in LIVES if life.name == "etl")
    past = happenings(etl, now=NOW, days=28)
    assert [each.operation for each in past] == ["create", *["stop", "start"] * 4][: len(past)]
    assert {each.at.weekday() for each in past if each.operation == "stop"} == {4}
    assert {each.at.weekday() for each in past if each.operation == "start"} == {0}


def test_the_same_seed_gives_the_same_history_and_another_does_not():
    one, same, other = ([happenings(life, now=NOW, days=90, seed=seed) for life in LIVES] for seed in (1, 1, 2))
    assert one == same != other
    for past in one:
        assert [each.at for each in past] == sorted(each.at for each in past)
        assert past[0].operation == "create"
        assert past[-1].at < NOW


@pytest.mark.parametrize("wrong", [{"organization": "nobody"}, {"days": 3}])
def test_what_cannot_be_seeded_is_said(tenant, settings, wrong):
    settings.DEBUG = True
    with pytest.raises(CommandError):
        call_command("seed_usage", **{"organization": "acme", "days": 30, "verbosity": 0, **wrong})


def test_it_is_not_for_production(tenant, settings):
    settings.DEBUG = settings.TRIAL = False
    with pytest.raises(CommandError, match="for trials"):
        call_command("seed_usage", organization="acme")
