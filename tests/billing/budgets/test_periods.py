from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from billing.budgets import span_of


@pytest.mark.parametrize(
    ("period", "day", "first", "last", "key", "words"),
    [
        ("monthly", date(2026, 11, 26), date(2026, 11, 1), date(2026, 11, 30), "2026-11", "November 2026"),
        ("monthly", date(2026, 12, 31), date(2026, 12, 1), date(2026, 12, 31), "2026-12", "December 2026"),
        ("monthly", date(2028, 2, 1), date(2028, 2, 1), date(2028, 2, 29), "2028-02", "February 2028"),
        ("monthly", date(2100, 2, 28), date(2100, 2, 1), date(2100, 2, 28), "2100-02", "February 2100"),
        ("quarterly", date(2026, 1, 1), date(2026, 1, 1), date(2026, 3, 31), "2026-Q1", "Q1 2026"),
        ("quarterly", date(2026, 6, 30), date(2026, 4, 1), date(2026, 6, 30), "2026-Q2", "Q2 2026"),
        ("quarterly", date(2026, 7, 1), date(2026, 7, 1), date(2026, 9, 30), "2026-Q3", "Q3 2026"),
        ("quarterly", date(2026, 12, 31), date(2026, 10, 1), date(2026, 12, 31), "2026-Q4", "Q4 2026"),
        ("yearly", date(2028, 2, 29), date(2028, 1, 1), date(2028, 12, 31), "2028", "2028"),
    ],
)
def test_a_period_is_a_calendar_one(period: str, day: date, first: date, last: date, key: str, words: str):
    span = span_of(period, day)
    assert (span.first, span.last, span.key, span.words) == (first, last, key, words)


def test_the_hours_left_end_at_midnight_of_utc():
    span = span_of("monthly", date(2026, 11, 26))
    assert span.hours_left(datetime(2026, 11, 30, 22, 30, tzinfo=UTC)) == Decimal("1.5")
    auckland = timezone(timedelta(hours=13))  # the first of December there, still November in UTC
    assert span.hours_left(datetime(2026, 12, 1, 12, tzinfo=auckland)) == Decimal(1)
    assert span.hours_left(datetime(2026, 12, 1, tzinfo=UTC)) == Decimal(0)
    assert span_of("yearly", date(2028, 1, 1)).hours_left(datetime(2028, 1, 1, tzinfo=UTC)) == Decimal(366 * 24)


@pytest.mark.parametrize(("period", "amount"), [("monthly", 730), ("quarterly", 2190), ("yearly", 8760)])
def test_the_run_rate_counts_a_month_as_730_hours(period: str, amount: int):
    assert span_of(period, date(2026, 2, 3)).run_rate(Decimal(1)) == Decimal(amount)
