from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing.deliveries.retrying import (
    JITTER,
    LONGEST_ASKED_WAIT,
    MOST_ATTEMPTS,
    asked_wait,
    is_worth_retrying,
    next_wait,
)

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def test_ten_attempts_take_most_of_a_day_and_then_it_is_over() -> None:
    waits = [next_wait(failures) for failures in range(1, MOST_ATTEMPTS)]

    total = sum((wait for wait in waits if wait), timedelta())
    assert len(waits) == 9
    assert all(waits)
    assert timedelta(hours=13) < total < timedelta(hours=24)
    assert next_wait(MOST_ATTEMPTS) is None
    assert next_wait(MOST_ATTEMPTS + 5) is None


def test_each_wait_is_longer_than_the_one_before_and_never_quite_the_same() -> None:
    many = [[next_wait(failures) for failures in range(1, MOST_ATTEMPTS)] for _ in range(50)]

    assert all(list(waits) == sorted(w for w in waits if w) for waits in many)
    firsts = {waits[0] for waits in many if waits[0]}
    assert len(firsts) > 40
    assert min(firsts) >= timedelta(seconds=25 * (1 - JITTER))
    assert max(firsts) <= timedelta(seconds=25 * (1 + JITTER))


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (timedelta(seconds=1), timedelta(seconds=20), timedelta(seconds=30)),  # never sooner than our own
        (timedelta(minutes=10), timedelta(minutes=10), timedelta(minutes=10)),
        (timedelta(days=30), LONGEST_ASKED_WAIT, LONGEST_ASKED_WAIT),
    ],
)
def test_the_receivers_wish_counts_within_limits(asked: timedelta, least: timedelta, most: timedelta) -> None:
    wait = next_wait(1, asked)

    assert wait is not None
    assert least <= wait <= most


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta()),
        ("99999999999999999999", timedelta(seconds=10**8)),
        ("Thu, 26 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Thursday, 26-Nov-26 12:05:00 GMT", timedelta(minutes=5)),
        ("Thu Nov 26 12:05:00 2026", timedelta(minutes=5)),
        ("Thu, 26 Nov 2026 13:05:00 +0100", timedelta(minutes=5)),
        ("Thu, 26 Nov 2020 12:05:00 GMT", timedelta()),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("٣", None),
        ("Thu, 99 Nov 2026 12:05:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, wait: timedelta | None) -> None:
    assert asked_wait(header, NOW) == wait


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert is_worth_retrying(status)


@pytest.mark.parametrize("status", [300, 301, 307, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451])
def test_what_will_not_pass_is_not(status: int) -> None:
    assert not is_worth_retrying(status)
