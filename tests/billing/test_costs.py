from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone

from billing import costs, metering, services
from billing.costs import EVERYTHING, Scope
from billing.models import CostForecast

from .usage import NOON, line, run

TODAY = NOON.date()


def two_resources(organization):
    """A VM of team=data and a bucket, metered for a day."""
    run(organization, line(price="1"), tags={"team": "data", "env": "prod"})
    run(organization, line("aws:storage", "73", "10", unit="gb_month"), reference="resource:2", kind="bucket")
    metering.book_usage(until=NOON + timedelta(days=1))


def test_what_was_spent_within_a_scope(organization):
    two_resources(organization)
    account = services.account_of(organization)
    spent = {
        scope: costs.spent(account, scope, TODAY, TODAY + timedelta(days=1))
        for scope in (EVERYTHING, Scope("kind", "vm"), Scope("tag", "team=data"), Scope("tag", "team=web"))
    }
    assert list(spent.values()) == [Decimal(48), Decimal(24), Decimal(24), Decimal(0)]
    assert costs.by_day(account, Scope("provider", "aws"), TODAY, TODAY) == [(TODAY, Decimal(24))]


def test_the_run_rate_is_what_runs_now(organization):
    two_resources(organization)
    account = services.account_of(organization)
    assert costs.hourly_rate(account) == Decimal(2)
    metering.end_meters(organization=organization, reference="resource:1", at=NOON + timedelta(days=1))
    assert costs.hourly_rate(account) == Decimal(1)


def test_the_end_of_the_month_is_what_was_spent_and_what_is_expected(organization):
    two_resources(organization)
    account, today = services.account_of(organization), date(2026, 3, 29)
    assert costs.month_end(account, EVERYTHING, today).amount == Decimal(48 + 2 * 48)
    for day, amount in ((30, 10), (31, 20)):
        CostForecast.objects.create(
            account=account,
            day=today.replace(day=day),
            amount=amount,
            low=amount - 1,
            high=amount + 2,
            method="holt-winters",
            made_at=timezone.now(),
        )
    assert costs.month_end(account, EVERYTHING, today) == costs.MonthEnd(
        amount=Decimal(78), low=Decimal(76), high=Decimal(82), method="holt-winters"
    )
