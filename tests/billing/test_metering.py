from datetime import timedelta
from decimal import Decimal

from billing import metering, services
from billing.ledger import differences
from billing.models import DailyCost, Hold, LedgerEntry, Meter, UsageRecord

from .usage import NOON, line, run

HOUR = timedelta(hours=1)


def booked() -> list[tuple[int, int, Decimal]]:
    """(hours since noon, seconds, amount) of every usage record, oldest first."""
    rows = UsageRecord.objects.order_by("hour", "id").values_list("hour", "seconds", "amount")
    return [(int((hour - NOON) / HOUR), seconds, amount) for hour, seconds, amount in rows]


def test_an_hour_that_is_over_becomes_usage_and_a_charge(organization, credit):
    credit(organization, "50")
    run(organization, line())
    metering.book_usage(until=NOON + HOUR)
    assert booked() == [(0, 3600, Decimal("0.020000"))]
    entry = LedgerEntry.objects.get(kind="charge")
    assert (entry.reference, entry.amount) == ("usage:2026-03-02T12", Decimal("-0.020000"))
    assert list(entry.usage.values_list("seconds", flat=True)) == [3600]
    assert list(differences()) == []


def test_the_hour_that_runs_is_not_booked_yet(organization):
    run(organization, line())
    metering.book_usage(until=NOON + timedelta(minutes=59))
    assert booked() == []


def test_booking_again_books_nothing_more(organization):
    run(organization, line())
    for _ in range(3):
        metering.book_usage(until=NOON + 2 * HOUR)
    assert booked() == [(0, 3600, Decimal("0.020000")), (1, 3600, Decimal("0.020000"))]


def test_a_resize_splits_the_hour(organization):
    run(organization, line(), line("aws:disk:gp3", "7.3", "10", unit="gb_month"))
    run(
        organization,
        line("aws:compute:t3.large", "0.08"),
        line("aws:disk:gp3", "7.3", "20", unit="gb_month"),
        at=NOON + timedelta(minutes=15),
    )
    metering.book_usage(until=NOON + HOUR)
    rows = UsageRecord.objects.values_list("meter__sku", "meter__quantity", "seconds", "amount").order_by("meter_id")
    assert set(rows) == {
        ("aws:compute:t3.small", 1, 900, Decimal("0.005000")),
        ("aws:disk:gp3", 10, 900, Decimal("0.025000")),
        ("aws:compute:t3.large", 1, 2700, Decimal("0.060000")),
        ("aws:disk:gp3", 20, 2700, Decimal("0.150000")),
    }


def test_the_records_of_a_meter_add_up_to_its_cost_rounded_once(organization):
    run(organization, line("aws:storage", "0.0000005"))
    metering.book_usage(until=NOON + 5 * HOUR)
    assert [amount for _, _, amount in booked()] == [
        Decimal(each) for each in ("0.000001", "0", "0.000001", "0", "0.000001")
    ]


def test_after_downtime_every_hour_is_caught_up(organization):
    run(organization, line(), at=NOON - timedelta(minutes=30))
    metering.book_usage(until=NOON + 47 * HOUR)
    assert [(hour, seconds) for hour, seconds, _ in booked()] == [(-1, 1800), *((hour, 3600) for hour in range(47))]
    assert LedgerEntry.objects.filter(kind="charge").count() == 48


def test_what_is_gone_costs_until_it_went(organization):
    run(organization, line())
    for _ in range(2):
        metering.end_meters(organization=organization, reference="resource:1", at=NOON + timedelta(minutes=90))
    metering.book_usage(until=NOON + 10 * HOUR)
    assert [(hour, seconds) for hour, seconds, _ in booked()] == [(0, 3600), (1, 1800)]


def test_a_stopped_machine_costs_its_disk_only(organization):
    lines = line(is_paused_by_stop=True), line("aws:disk:gp3", "0.001")
    run(organization, *lines)
    metering.pause_meters(organization=organization, reference="resource:1", at=NOON + HOUR)
    run(organization, *lines, at=NOON + 2 * HOUR)
    metering.book_usage(until=NOON + 3 * HOUR)
    hours = UsageRecord.objects.order_by("hour").values_list("hour", flat=True)
    assert [each.hour for each in hours.filter(meter__sku="aws:compute:t3.small")] == [12, 14]
    assert [each.hour for each in hours.filter(meter__sku="aws:disk:gp3")] == [12, 13, 14]


def test_what_began_and_ended_within_a_second_was_never_there(organization):
    run(organization, line())
    metering.end_meters(organization=organization, reference="resource:1", at=NOON)
    assert Meter.objects.count() == 0


def test_a_clock_that_jumps_back_books_nothing_twice(organization):
    run(organization, line())
    metering.book_usage(until=NOON + 3 * HOUR)
    run(organization, line(price="0.04"), at=NOON + HOUR)
    metering.book_usage(until=NOON + 2 * HOUR)
    metering.book_usage(until=NOON + 4 * HOUR)
    assert [(hour, amount) for hour, _, amount in booked()] == [
        *((hour, Decimal("0.020000")) for hour in range(3)),
        (3, Decimal("0.040000")),
    ]


def test_what_comes_to_light_late_is_charged_beside_the_hour_it_belongs_to(organization):
    run(organization, line())
    metering.book_usage(until=NOON + HOUR)
    run(organization, line(), at=NOON + timedelta(minutes=30), reference="resource:2")
    metering.book_usage(until=NOON + HOUR)
    references = LedgerEntry.objects.filter(kind="charge").order_by("number").values_list("reference", flat=True)
    assert list(references) == ["usage:2026-03-02T12", "usage:2026-03-02T12#2"]


def test_usage_eats_the_hold_and_then_the_credit(organization, credit):
    credit(organization, "1")
    services.hold_credit(organization=organization, reference="resource:1", amount=Decimal("0.03"))
    run(organization, line())
    metering.book_usage(until=NOON + HOUR)
    account = services.account_of(organization)
    assert (account.balance, account.held, account.available) == (Decimal("0.98"), Decimal("0.01"), Decimal("0.97"))
    metering.book_usage(until=NOON + 2 * HOUR)
    account = services.account_of(organization)
    assert (account.balance, account.held, account.available) == (Decimal("0.96"), 0, Decimal("0.96"))
    assert Hold.objects.get().amount == 0
    assert list(differences()) == []


def test_daily_costs_are_the_sums_of_the_usage(organization):
    run(organization, line(), line("aws:disk:gp3", "0.001"), at=NOON - timedelta(hours=13, minutes=10))
    metering.book_usage(until=NOON + HOUR)
    rows = DailyCost.objects.order_by("day", "sku").values_list("day", "sku", "amount", "seconds", "records")
    assert [(day.day, sku, amount, seconds, records) for day, sku, amount, seconds, records in rows] == [
        (1, "aws:compute:t3.small", Decimal("0.023333"), 4200, 2),
        (1, "aws:disk:gp3", Decimal("0.001167"), 4200, 2),
        (2, "aws:compute:t3.small", Decimal("0.260000"), 46800, 13),
        (2, "aws:disk:gp3", Decimal("0.013000"), 46800, 13),
    ]


def test_what_is_free_is_recorded_and_not_charged(organization):
    run(organization, line(price="0"))
    metering.book_usage(until=NOON + HOUR)
    assert booked() == [(0, 3600, Decimal(0))]
    assert LedgerEntry.objects.count() == 0


def test_how_far_metering_is_behind(organization):
    run(organization, line(), at=NOON - timedelta(minutes=10))
    assert metering.behind(NOON - timedelta(seconds=1)) == timedelta()
    assert metering.behind(NOON + timedelta(seconds=30)) == timedelta(seconds=30)
    assert metering.behind(NOON + 5 * HOUR) == 5 * HOUR
    metering.book_usage(until=NOON + HOUR)
    assert metering.behind(NOON + 1.9 * HOUR) == timedelta()
    assert metering.behind(NOON + 2.5 * HOUR) == timedelta(minutes=30)


def test_once_the_clock_is_put_right_what_was_said_of_a_later_time_is_undone(organization):
    disk = line("aws:disk:gp3", "0.001")
    run(organization, line(), disk)
    run(organization, line("aws:compute:t3.large", "0.08"), disk, at=NOON + 8 * HOUR)  # it ran ahead
    run(organization, line("aws:compute:t3.xlarge", "0.16"), disk, line("aws:ipv4", "0.005"), at=NOON + 2 * HOUR)
    metering.end_meters(organization=organization, reference="resource:1", at=NOON + 3 * HOUR)
    metering.book_usage(until=NOON + 12 * HOUR)
    rows = UsageRecord.objects.order_by("hour", "meter__sku").values_list("hour", "meter__sku", "seconds")
    assert [(int((hour - NOON) / HOUR), sku.rpartition(":")[2], seconds) for hour, sku, seconds in rows] == [
        (0, "t3.small", 3600),
        (0, "gp3", 3600),
        (1, "t3.small", 3600),
        (1, "gp3", 3600),
        (2, "t3.xlarge", 3600),
        (2, "gp3", 3600),
        (2, "ipv4", 3600),
    ]
