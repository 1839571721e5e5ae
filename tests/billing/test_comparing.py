"""Every cause of a difference between estimate, meters and bill, one by one, and all of them together."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from billing import metering, services
from billing.comparing import Compared, compare
from billing.costs import Period
from billing.models import Account, ActualCost, BilledResource, CostImport, Quote

from .usage import NOON, line, run

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
END = NOON + 2 * DAY  # the clock of every comparison here
VM = line(price="1", is_paused_by_stop=True)
DISK = line("aws:disk:gp3", "0.1", "10")  # 1 USD an hour as well
BIG = line("aws:compute:t3.large", "4", is_paused_by_stop=True)


def quoted(organization: Organization, *lines, reference: str = "resource:1") -> None:
    """An order of these lines, kept as the order path keeps it."""
    names = ("label", "sku", "region", "unit", "quantity", "list_price", "unit_price", "currency", "is_paused_by_stop")
    Quote.objects.create(
        account=services.account_of(organization),
        reference=reference,
        catalogue="test",
        currency="USD",
        hourly=Decimal(2),
        monthly=Decimal(1460),
        lines=[
            {name: str(value) if isinstance(value := getattr(each, name), Decimal) else value for name in names}
            for each in lines
        ],
    )


def only(organization: Organization, until: datetime = END, period: Period = MARCH) -> Compared:
    """The one resource, booked until ``until``."""
    metering.book_usage(until=until)
    (row,) = compare(services.account_of(organization), period, now=END).rows
    return row


def words(row: Compared) -> list[tuple[str, Decimal]]:
    return [(cause.text, cause.amount) for cause in row.causes]


@pytest.fixture
def ordered(organization) -> Organization:
    """A machine of 1 USD an hour with a disk of 1 USD an hour, from noon of 2 March: 96 USD until the 4th."""
    quoted(organization, VM, DISK)
    run(organization, VM, DISK)
    return organization


def test_what_runs_as_ordered_has_no_variance(ordered):
    row = only(ordered)
    assert (row.estimated, row.metered, row.variance, row.percent, row.causes) == (96, 96, 0, 0, [])
    assert row.billed is None


def test_a_resize_is_named_with_its_day_and_what_it_added(ordered):
    run(ordered, BIG, DISK, at=NOON + DAY)
    row = only(ordered)
    assert words(row) == [("resized on 3 Mar 2026", Decimal(3 * 24))]
    assert (row.estimated, row.variance) == (96, 72)


def test_a_larger_disk_is_a_resize_too(ordered):
    run(ordered, VM, line("aws:disk:gp3", "0.1", "20"), at=NOON + 36 * HOUR)
    assert words(only(ordered)) == [("resized on 4 Mar 2026", Decimal(12))]


def test_a_stop_saves_what_it_pauses(ordered):
    metering.pause_meters(organization=ordered, reference="resource:1", at=NOON + 12 * HOUR)
    run(ordered, VM, DISK, at=NOON + 36 * HOUR)
    row = only(ordered)
    assert words(row) == [("stopped for 24 h", Decimal(-24))]
    assert row.percent == -25


def test_what_went_early_ran_shorter_than_the_period(ordered):
    metering.end_meters(organization=ordered, reference="resource:1", at=NOON + DAY)
    assert words(only(ordered)) == [("ran shorter than the period: gone on 3 Mar 2026", Decimal(-48))]


def test_a_new_list_price_is_a_price_change(ordered):
    run(ordered, line(price="1.5", is_paused_by_stop=True), DISK, at=NOON + DAY)
    assert words(only(ordered)) == [("the price changed on 3 Mar 2026", Decimal(12))]


def test_another_price_at_the_same_list_price_is_a_discount(ordered):
    cheaper = line(price="1", is_paused_by_stop=True, unit_price=Decimal("0.9"))
    run(ordered, cheaper, DISK, at=NOON + DAY)
    assert words(only(ordered)) == [("a discount or markup changed on 3 Mar 2026", Decimal("-2.4"))]


def test_hours_that_are_not_booked_yet_are_said(ordered):
    row = only(ordered, until=END - 3 * HOUR)
    assert words(row) == [("hours since 4 Mar 2026 are not booked yet", Decimal(-6))]


def test_the_estimate_of_a_later_period_begins_with_it(ordered):
    row = only(ordered, period=Period(date(2026, 3, 3), date(2026, 3, 3)))
    assert (row.estimated, row.metered) == (48, 48)


def test_without_a_quote_there_is_no_estimate(organization):
    run(organization, VM)
    row = only(organization)
    assert (row.estimated, row.variance, row.causes) == (None, None, [])


def test_what_did_not_run_in_the_period_is_not_compared(ordered):
    account = services.account_of(ordered)
    assert compare(account, Period(date(2026, 2, 1), date(2026, 2, 28)), now=END).rows == []


def test_a_stranger_to_the_reference_is_left_out(ordered):
    run(ordered, VM, reference="resource:2")
    metering.book_usage(until=END)
    found = compare(services.account_of(ordered), MARCH, reference="resource:1", now=END)
    assert [row.resource.reference for row in found.rows] == ["resource:1"]


STEPS = st.lists(
    st.tuples(st.sampled_from(["big", "small", "disk", "dearer", "stop", "start", "end"]), st.integers(1, 9)),
    max_size=5,
)
SHAPES = {
    "big": (BIG, DISK),
    "small": (VM, DISK),
    "disk": (VM, line("aws:disk:gp3", "0.1", "35")),
    "dearer": (line(price="1.37", is_paused_by_stop=True), DISK),
    "start": (VM, DISK),
}


@pytest.mark.django_db
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_estimate_and_causes_add_up_to_what_was_metered_whatever_happened(django_db_blocker, steps):
    organization = Organization.objects.create(name="Any", slug=f"any-{Organization.objects.count()}")
    quoted(organization, VM, DISK)
    run(organization, VM, DISK)
    at = NOON
    for what, hours in steps:
        at += timedelta(hours=hours, minutes=17)
        if what == "stop":
            metering.pause_meters(organization=organization, reference="resource:1", at=at)
        elif what == "end":
            metering.end_meters(organization=organization, reference="resource:1", at=at)
        else:
            run(organization, *SHAPES[what], at=at)
    row = only(organization)
    assert row.variance == pytest.approx(sum((cause.amount for cause in row.causes), Decimal(0)), abs=Decimal("0.02"))


# --- the bill -------------------------------------------------------------------------------------------------------


def bill(organization: Organization, *rows: dict, until: date = date(2026, 3, 3), currency: str = "USD") -> Account:
    """A reading of the account's bill up to ``until``, with these rows for the resource."""
    account = services.account_of(organization)
    resource = BilledResource.objects.get(account=account)
    reading = CostImport.objects.create(
        account=account,
        provider="aws",
        cloud_account=resource.cloud_account,
        first=date(2026, 3, 1),
        last=until,
        status="succeeded",
        rows=len(rows),
        matched=len(rows),
        finished_at=timezone.now(),
    )
    for number, row in enumerate(rows):
        known = {
            "resource": resource,
            "billed_cost": Decimal(0),
            "service_name": "EC2",
            "service_category": "Compute",
            "list_cost": row.get("billed_cost", Decimal(0)),
        }
        ActualCost.objects.create(
            account=account,
            source=reading,
            provider="aws",
            cloud_account=resource.cloud_account,
            line_key=f"line-{number}",
            charge_period_start=date(2026, 3, 3),
            charge_period_end=date(2026, 3, 4),
            currency=currency,
            **known | row,
        )
    return account


UNTIL_THE_THIRD = Decimal(2 * (12 + 24))  # metered on the days that the bill covers


def test_a_bill_is_compared_with_what_was_metered_on_its_days(ordered):
    bill(ordered, {"billed_cost": UNTIL_THE_THIRD})
    billed = only(ordered).billed
    assert (billed.amount, billed.metered, billed.variance, billed.until) == (72, 72, 0, date(2026, 3, 3))
    assert billed.causes == ()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "nothing billed: a free tier, or the cloud has not billed it yet, or it carries no tag of ours"),
        ([{"billed_cost": Decimal(52), "list_cost": Decimal(72)}], "a discount of the cloud’s of 20.00"),
        (
            [{"billed_cost": Decimal(72)}, {"billed_cost": Decimal(-8), "charge_category": "Credit"}],
            "a credit or free tier of 8.00",
        ),
        ([{"billed_cost": Decimal(72)}, {"billed_cost": Decimal(80), "charge_category": "Tax"}], "tax of 80.00"),
        (
            [{"billed_cost": Decimal(72)}, {"billed_cost": Decimal(5), "service_category": "Networking"}],
            "traffic, which is not metered, of 5.00",
        ),
        ([{"billed_cost": Decimal(72), "is_estimated": True}], "the bill is not final yet"),
        ([{"billed_cost": Decimal(500)}], "the cloud’s price or hours differ from ours"),
    ],
)
def test_the_bill_tells_why_it_differs(ordered, rows, expected):
    bill(ordered, *rows)
    assert only(ordered).billed.causes == (expected,)


def test_a_bucket_that_stores_more_than_expected_is_said_to(organization):
    storage = line("aws:storage", "0.023", "10", unit="gb_month")
    quoted(organization, storage)
    run(organization, storage, kind="bucket")
    metering.book_usage(until=END)
    month = Decimal(120) * 3 / (Decimal(730) / 24)  # 120 GB for the three days that the bill covers, in GB-months
    stored = {"service_category": "Storage", "consumed_quantity": month, "consumed_unit": "GB-Mo"}
    bill(organization, {"billed_cost": Decimal("0.9"), **stored})
    assert "stores about 120 GB, 10 expected" in only(organization).billed.causes


def test_a_bill_in_another_currency_is_not_compared(ordered):
    bill(ordered, {"billed_cost": Decimal(400)}, currency="EUR")
    billed = only(ordered).billed
    assert billed.causes == ("billed in EUR, so not compared",)
    assert compare(services.account_of(ordered), MARCH, now=END).billed is None


def test_what_carries_no_tag_of_ours_is_told_beside_the_resources(ordered):
    account = bill(ordered, {"billed_cost": Decimal(72)}, {"billed_cost": Decimal(33), "resource": None})
    metering.book_usage(until=END)
    found = compare(account, MARCH, now=END)
    assert (found.unmatched, found.billed) == (33, 72)


def test_what_was_read_through_another_account_with_the_same_bill_is_billed(ordered):
    metering.book_usage(until=END)
    account = bill(ordered, {"billed_cost": Decimal(70)})
    CostImport.objects.update(cloud_account="another")
    ActualCost.objects.update(cloud_account="another")

    (row,) = compare(account, MARCH, now=END).rows

    assert row.billed is not None
    assert (row.billed.amount, row.billed.until) == (Decimal(70), date(2026, 3, 3))
