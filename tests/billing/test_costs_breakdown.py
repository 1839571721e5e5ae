from datetime import date, timedelta
from decimal import Decimal

import pytest

from billing import costs, metering, services
from billing.costs import Grouping, Period, Scope
from billing.models import Account, UsageRecord
from billing.words import KINDS, PROVIDERS
from clouds.models import Kind, Provider

from .usage import NOON, line, run

MARCH = Period(date(2026, 3, 1), date(2026, 3, 5))


@pytest.fixture
def account(organization) -> Account:
    """From noon of 2 March until noon of the 4th: a VM for 1 USD an hour, a bucket for 0.5, a VM on Azure for 0.25."""
    run(organization, line(price="1"), tags={"team": "data", "7": "x"})
    run(organization, line("aws:storage", "0.5"), reference="resource:2", kind="bucket", tags={"team": "web"})
    run(
        organization,
        line("azure:compute", "0.25"),
        reference="resource:3",
        provider="azure",
        cloud_account="other",
        cloud_account_name="Other",
    )
    for reference in ("resource:1", "resource:2", "resource:3"):
        metering.end_meters(organization=organization, reference=reference, at=NOON + timedelta(days=2))
    metering.book_usage(until=NOON + timedelta(days=3))
    return services.account_of(organization)


def amounts(found: costs.Breakdown) -> dict[str, list[str]]:
    return {group.label: [float(amount) for amount in group.amounts] for group in found.groups}


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [
        (Grouping.PROVIDER, {"AWS": 1.5, "Azure": 0.25}),
        (Grouping.ACCOUNT, {"production": 1.5, "Other": 0.25}),
        (Grouping.KIND, {"Virtual machine": 1.25, "Storage bucket": 0.5}),
        (Grouping.RESOURCE, {"1": 1, "2": 0.5, "3": 0.25}),
        (Grouping.TAG, {"data": 1, "web": 0.5, "Without this tag": 0.25}),
        (Grouping.DAY, {"Every day": 1.75}),
    ],
)
def test_every_day_of_every_group_is_there_the_costliest_first(account, grouping, expected):
    found = costs.break_down(account, MARCH, grouping)
    assert amounts(found) == {
        label: [hourly * hours for hours in (0, 12, 24, 12, 0)] for label, hourly in expected.items()
    }
    assert list(amounts(found)) == list(expected)
    assert found.total == Decimal(84)
    assert list(found.by_day) == [0, 21, 42, 21, 0]


def test_what_has_no_group_of_its_own_is_one_more(account):
    found = costs.break_down(account, MARCH, Grouping.RESOURCE, shown=1)
    assert amounts(found) == {"1": [0, 12, 24, 12, 0], "2 more": [0, 9, 18, 9, 0]}
    assert [group.is_rest for group in found.groups] == [False, True]


def test_parts_of_the_cost_can_be_combined(account):
    part = costs.where_all_hold([Scope("provider", "aws"), Scope("kind", "vm")])
    found = costs.break_down(account, MARCH, Grouping.KIND, part=part)
    assert [(group.label, group.total) for group in found.groups] == [("Virtual machine", Decimal(48))]
    assert costs.spent(account, part, MARCH.first, MARCH.last) == Decimal(48)


def test_the_tag_is_the_commonest_unless_one_is_named_even_by_a_number(account):
    assert costs.break_down(account, MARCH, Grouping.TAG).tag_name == "team"
    found = costs.break_down(account, MARCH, Grouping.TAG, tag_name="7")
    assert [(group.key, group.total) for group in found.groups] == [("x", Decimal(48)), ("", Decimal(36))]
    assert costs.tag_names(account) == ["team", "7"]


def test_nothing_spent_is_no_group_and_zeroes(account):
    before = MARCH.before()
    assert (before.first, before.last) == (date(2026, 2, 1), date(2026, 2, 5))
    found = costs.break_down(account, before, Grouping.KIND)
    assert (found.groups, found.total, found.by_day) == ((), 0, (0, 0, 0, 0, 0))


@pytest.mark.parametrize("grouping", Grouping)
def test_groups_add_up_to_the_usage_records_of_the_days(account, grouping):
    """The rollup and the raw rows must agree to the last digit, also where a share of an hour was rounded."""
    run_for = [UsageRecord.objects.filter(account=account, hour__date=day) for day in MARCH]
    raw = [sum((row.amount for row in rows), Decimal(0)) for rows in run_for]
    assert list(costs.break_down(account, MARCH, grouping).by_day) == raw


def test_a_period_is_whole_and_not_endless():
    assert len(MARCH) == len(list(MARCH)) == 5
    with pytest.raises(ValueError, match="before the first"):
        Period(MARCH.last, MARCH.first)
    with pytest.raises(ValueError, match="at most"):
        Period(date(2000, 1, 1), date(2026, 1, 1))


def test_billing_and_clouds_use_the_same_words():
    assert dict(Provider.choices) == PROVIDERS
    assert dict(Kind.choices) == KINDS
