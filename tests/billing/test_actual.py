"""What is kept of the clouds' bills: replaced as a whole, matched by reference, never doubled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Organization
from billing import actual, services
from billing.actual import ActualLine, ImportRunning, begin_import, fail_import, finish_import
from billing.models import ActualCost, CostImport, CostImportStatus
from tests.billing.usage import line as metered
from tests.billing.usage import run

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 20)


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        yield


def begun(organization: Organization, **more: Any) -> CostImport:
    known: dict[str, Any] = {
        "provider": "aws", "cloud_account": "acc-1", "cloud_account_name": "production", "origin": "Cost Explorer",
        "first": FIRST, "last": LAST,
    }  # fmt: skip
    return begin_import(organization=organization, **known | more)


def line(cost: str = "1.5", day: date = FIRST, **more: Any) -> ActualLine:
    known: dict[str, Any] = {"service_name": "Amazon EC2", "service_category": "Compute", "currency": "USD"}
    return ActualLine(day=day, billed_cost=Decimal(cost), **known | more)


def kept() -> list[tuple[date, Decimal]]:
    return list(
        ActualCost.objects.order_by("charge_period_start", "id").values_list("charge_period_start", "billed_cost")
    )


def test_lines_are_matched_by_reference_or_kept_as_unmatched(organization: Organization) -> None:
    run(organization, metered(), reference="resource:1")
    lines = [line("1", reference="resource:1"), line("2", reference="resource:unknown"), line("4")]
    done = finish_import(source=begun(organization), lines=lines)
    assert (done.status, done.rows, done.matched, done.unmatched) == (CostImportStatus.SUCCEEDED, 3, 1, 2)
    assert ActualCost.objects.matched().get().resource.reference == "resource:1"
    assert {row.billed_cost for row in ActualCost.objects.unmatched()} == {2, 4}


def test_a_resource_of_another_organization_is_never_matched(organization: Organization) -> None:
    other = Organization.objects.create(name="Other", slug="other")
    run(other, metered(), reference="resource:1")
    assert finish_import(source=begun(organization), lines=[line(reference="resource:1")]).matched == 0


def test_reading_the_same_days_again_replaces_them(organization: Organization) -> None:
    finish_import(source=begun(organization), lines=[line("1"), line("2", LAST)])
    finish_import(source=begun(organization), lines=[line("3")])
    last = finish_import(source=begun(organization), lines=[line("3")])
    assert kept() == [(FIRST, 3)]
    assert ActualCost.objects.get().source == last


def test_days_that_were_not_read_stay_and_so_do_other_accounts(organization: Organization) -> None:
    october = {"first": date(2026, 10, 1), "last": date(2026, 10, 31)}
    finish_import(source=begun(organization, **october), lines=[line("5", date(2026, 10, 31))])
    finish_import(source=begun(organization, cloud_account="acc-2"), lines=[line("7")])
    finish_import(source=begun(organization), lines=[line("1")])
    assert sorted(amount for _, amount in kept()) == [1, 5, 7]


def test_lines_of_one_thing_are_added_up(organization: Organization) -> None:
    halves = [line("0.0000004", quantity=Decimal(1), effective_cost=Decimal(1)), line("0.0000004", quantity=Decimal(2))]
    finish_import(source=begun(organization), lines=halves)
    row = ActualCost.objects.get()
    assert (row.billed_cost, row.consumed_quantity, row.effective_cost) == (Decimal("0.000001"), 3, 1)


def test_what_the_cloud_does_not_say_is_what_it_bills(organization: Organization) -> None:
    finish_import(source=begun(organization), lines=[line("-2", charge_category="Credit")])
    row = ActualCost.objects.get()
    assert (row.list_cost, row.contracted_cost, row.effective_cost, row.consumed_quantity) == (-2, -2, -2, None)


def test_open_days_are_estimated_and_closed_ones_are_not(organization: Organization) -> None:
    lines = [line("1", date(2026, 10, 31)), line("2", FIRST), line("3", date(2026, 10, 1), is_estimated=True)]
    finish_import(source=begun(organization, first=date(2026, 10, 1)), lines=lines)
    estimated = dict(ActualCost.objects.values_list("billed_cost", "is_estimated"))
    assert estimated == {1: False, 2: True, 3: True}


def test_a_line_of_another_day_keeps_everything_as_it_was(organization: Organization) -> None:
    finish_import(source=begun(organization), lines=[line("1")])
    with pytest.raises(ValueError, match="none of"):
        finish_import(source=begun(organization), lines=[line("9"), line("9", date(2026, 12, 1))])
    assert kept() == [(FIRST, 1)]


def test_a_failed_reading_says_why_and_keeps_what_was_known(organization: Organization) -> None:
    finish_import(source=begun(organization), lines=[line("1")])
    failed = fail_import(source=begun(organization), error="Add ce:GetCostAndUsage. " * 50)
    failed.refresh_from_db()
    assert (failed.status, len(failed.error)) == (CostImportStatus.FAILED, 500)
    assert kept() == [(FIRST, 1)]


def test_one_account_is_read_by_one_at_a_time(organization: Organization) -> None:
    begun(organization)
    begun(organization, cloud_account="acc-2")
    with pytest.raises(ImportRunning):
        begun(organization)


def test_a_reading_that_went_silent_gives_way(organization: Organization) -> None:
    old = begun(organization)
    CostImport.objects.filter(pk=old.pk).update(started_at=timezone.now() - timedelta(hours=2))
    begun(organization)
    old.refresh_from_db()
    assert (old.status, old.error) == (CostImportStatus.FAILED, actual.INTERRUPTED)


@pytest.mark.parametrize(
    ("today", "since"),
    [
        (date(2026, 11, 20), date(2026, 11, 1)),
        (date(2026, 11, 11), date(2026, 11, 1)),
        (date(2026, 11, 10), date(2026, 10, 1)),
        (date(2026, 1, 1), date(2025, 12, 1)),
    ],
)
def test_a_month_is_open_until_the_tenth_of_the_next(today: date, since: date) -> None:
    assert actual.open_since(today) == since


def test_the_first_reading_reaches_two_months_back(organization: Organization) -> None:
    account = services.account_of(organization)
    assert actual.days_to_read(account, "acc-1", date(2026, 11, 20)) == (date(2026, 9, 1), date(2026, 11, 20))


def test_what_was_missed_is_made_up_for(organization: Organization) -> None:
    finish_import(source=begun(organization, first=date(2026, 8, 1), last=date(2026, 8, 30)), lines=[])
    account = services.account_of(organization)
    assert actual.days_to_read(account, "acc-1", date(2026, 11, 20)) == (date(2026, 8, 1), date(2026, 11, 20))


def test_the_next_reading_takes_the_open_days_only(organization: Organization) -> None:
    finish_import(source=begun(organization), lines=[])
    account = services.account_of(organization)
    assert actual.days_to_read(account, "acc-1", date(2026, 11, 20)) == (FIRST, date(2026, 11, 20))


def test_many_lines_take_few_statements(organization: Organization, django_assert_max_num_queries: Any) -> None:
    lines = [line("1", sku=f"sku-{number}") for number in range(2500)]
    source = begun(organization)
    with django_assert_max_num_queries(10):
        assert finish_import(source=source, lines=lines).rows == 2500


def test_one_bill_read_through_two_accounts_is_there_once(organization: Organization) -> None:
    finish_import(source=begun(organization, owner="123456789012"), lines=[line("1"), line("2", LAST)])
    finish_import(source=begun(organization, cloud_account="acc-3", owner="210987654321"), lines=[line("8")])
    finish_import(source=begun(organization, cloud_account="acc-2", owner="123456789012"), lines=[line("1")])
    assert sorted((row.cloud_account, row.billed_cost) for row in ActualCost.objects.all()) == [
        ("acc-2", 1),
        ("acc-3", 8),
    ]


def test_an_unknown_owner_is_nobodys_other_account(organization: Organization) -> None:
    finish_import(source=begun(organization), lines=[line("1")])
    finish_import(source=begun(organization, cloud_account="acc-2"), lines=[line("2")])
    assert ActualCost.objects.count() == 2
