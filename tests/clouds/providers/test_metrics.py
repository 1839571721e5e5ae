"""Samples of five minutes, folded into hours and into one number for the window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clouds.providers.metrics import Metric, Sample, folded, percentile

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
LAST = FIRST + timedelta(days=14)
FIVE = timedelta(minutes=5)


def samples(*means: float, start: datetime = FIRST) -> list[Sample]:
    return [Sample(start + number * FIVE, mean, mean + 1) for number, mean in enumerate(means)]


def test_an_hour_has_the_mean_the_95th_percentile_and_the_maximum_of_its_samples():
    used = folded("i-1", Metric.CPU, samples(*range(12)), first=FIRST, last=LAST)

    assert used is not None
    point = used.points[0]
    assert (point.at, point.mean, point.p95, point.maximum) == (FIRST, 5.5, 11, 12)


def test_the_window_is_summed_up_from_its_samples_and_not_from_its_hours():
    busy_for_an_hour = samples(*[10.0] * 12 * 30, *[90.0] * 12)

    used = folded("i-1", Metric.CPU, busy_for_an_hour, first=FIRST, last=LAST)

    assert used is not None
    assert (used.hours, used.p95, used.maximum) == (31, 10.0, 91.0)
    assert used.mean == pytest.approx((10 * 360 + 90 * 12) / 372)


def test_hours_without_data_have_no_point():
    later = samples(5.0, start=FIRST + timedelta(hours=7, minutes=20))

    used = folded("i-1", Metric.CPU, [*samples(5.0), *later], first=FIRST, last=LAST)

    assert used is not None
    assert [point.at.hour for point in used.points] == [0, 7]


def test_what_lies_outside_the_window_does_not_count():
    outside = [*samples(99.0, start=FIRST - FIVE), *samples(99.0, start=LAST)]

    assert folded("i-1", Metric.CPU, outside, first=FIRST, last=LAST) is None
    used = folded("i-1", Metric.CPU, [*outside, *samples(1.0)], first=FIRST, last=LAST)
    assert used is not None
    assert used.maximum == 2.0


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([7.0], 95, 7.0), ([1.0, 2.0], 50, 1.0), ([3.0, 1.0, 2.0], 100, 3.0), (list(map(float, range(1, 101))), 95, 95.0)],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[float], percent: float, expected: float
) -> None:
    assert percentile(values, percent) == expected


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 95)
