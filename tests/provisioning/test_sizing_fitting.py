"""Which machines fit what a machine was busy with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clouds.providers.metrics import Metric, Sample, Utilisation, folded
from clouds.sizes import Machine, Size
from provisioning.sizing import fitting

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
LARGE = Size("size", "large", Machine("m5.large", 2, 8))
XLARGE = Size("size", "xlarge", Machine("m5.xlarge", 4, 16))
HUGE = Size("size", "huge", Machine("m5.2xlarge", 8, 32))
WIDE = Size("size", "wide", Machine("m5.wide", 2, 16))  # fewer processors, as much memory
MICRO = Size("size", "micro", Machine("t3.micro", 2, 1, baseline=10))
SMALL = Size("size", "small", Machine("t3.small", 2, 2, baseline=20))


def used(
    cpu: float, memory: float | None = None, *, days: int = 14, mean: float | None = None, peak: float | None = None
) -> dict[Metric, Utilisation]:
    """A machine that needs ``cpu`` percent for a tenth of the time and ``mean`` (the same) for the rest of it."""
    found = {}
    for metric, high in ((Metric.CPU, cpu), (Metric.MEMORY, memory)):
        if high is None:
            continue
        low = mean if mean is not None and metric is Metric.CPU else high
        top = peak if peak is not None and metric is Metric.CPU else high
        samples = [
            Sample(FIRST + timedelta(hours=hour), high if hour % 10 == 0 else low, top) for hour in range(days * 24)
        ]
        found[metric] = folded("i-1", metric, samples, first=FIRST, last=FIRST + timedelta(days=days))
    return {metric: one for metric, one in found.items() if one is not None}


def judged(current: Size, *others: Size, provider: str = "aws", **figures: float) -> fitting.Judgement:
    load = fitting.load_of(provider, current.machine, used(**figures))  # type: ignore[arg-type]
    return fitting.judge(current, others, load)


def load(current: Size, **figures: float) -> fitting.Load:
    found = fitting.load_of("aws", current.machine, used(**figures))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_machine_that_is_hardly_used_fits_smaller_ones():
    found = judged(HUGE, LARGE, XLARGE, cpu=6, memory=10)
    assert (found.verdict, found.direction, found.fitting) == ("proposed", "smaller", (LARGE, XLARGE))


def test_a_smaller_machine_must_have_room_for_the_processor_and_for_the_memory():
    assert judged(HUGE, LARGE, XLARGE, cpu=20, memory=10).fitting == (XLARGE,)  # 1.6 of 2 vCPU would be 80 %
    assert judged(HUGE, LARGE, XLARGE, cpu=6, memory=30).fitting == (XLARGE,)  # 9.6 of 8 GiB
    assert judged(HUGE, LARGE, XLARGE, cpu=50, memory=10).verdict == "fits"


def test_without_figures_of_memory_no_machine_with_less_of_it_is_proposed():
    found = judged(XLARGE, LARGE, cpu=6)
    assert (found.verdict, found.fitting) == ("no_memory", ())
    assert "nothing in the machine reports how much memory" in found.detail
    assert judged(XLARGE, LARGE, WIDE, cpu=6).fitting == (WIDE,)


def test_a_few_hours_of_memory_are_no_figures_of_memory():
    figures = used(cpu=6)
    figures |= {metric: one for metric, one in used(cpu=6, memory=5, days=2).items() if metric is Metric.MEMORY}
    found = fitting.load_of("aws", XLARGE.machine, figures)
    assert found is not None
    assert found.p95_memory is None


def test_less_than_seven_days_of_figures_say_nothing():
    assert judged(HUGE, LARGE, cpu=6, memory=10, days=6).verdict == "too_little"
    assert judged(HUGE, LARGE, cpu=6, memory=10, days=7).verdict == "proposed"
    assert fitting.judge(HUGE, [LARGE], None).detail.startswith("The cloud has no figures")


def test_a_busy_processor_or_full_memory_asks_for_a_larger_machine():
    assert judged(LARGE, XLARGE, HUGE, cpu=90).fitting == (XLARGE, HUGE)
    found = judged(LARGE, XLARGE, HUGE, cpu=10, memory=95)
    assert (found.direction, found.fitting) == ("larger", (XLARGE, HUGE))


def test_a_machine_that_is_too_small_gets_none_with_less_of_anything():
    assert judged(WIDE, LARGE, cpu=90).verdict == "nothing_better"


def test_a_shared_machine_must_sustain_the_mean():
    assert judged(SMALL, MICRO, cpu=18, mean=9, memory=20).fitting == (MICRO,)
    assert judged(SMALL, MICRO, cpu=18, mean=12, memory=20).verdict == "fits"  # a micro sustains 10 %


def test_a_shared_machine_that_uses_more_than_it_sustains_is_too_small():
    medium = Size("size", "medium", Machine("t3.large", 2, 8, baseline=30))
    found = judged(SMALL, medium, cpu=40, mean=24)
    assert (found.direction, found.fitting) == ("larger", (medium,))
    said = fitting.reason_of(SMALL, medium, load(SMALL, cpu=40, mean=24))
    assert said == "Mean CPU 26 % over 14 days, of which t3.small sustains 20 %; medium would run at 40 %."


def test_a_machine_that_is_busy_all_the_time_is_told_of_those_with_processors_of_their_own():
    double = Size("size", "2xlarge", Machine("t3.2xlarge", 8, 32, baseline=40))
    assert "t3.small shares its processors" in fitting.caution_of(SMALL, double, load(SMALL, cpu=95, memory=20))
    assert fitting.caution_of(HUGE, XLARGE, load(HUGE, cpu=95, memory=20)).count("shares") == 0


def test_google_counts_a_shared_machine_by_its_own_part_of_a_processor():
    shared = Machine("e2-small", 2, 2, baseline=25)
    on_google = fitting.load_of("gcp", shared, used(cpu=100))
    elsewhere = fitting.load_of("aws", shared, used(cpu=100))
    assert on_google is not None
    assert elsewhere is not None
    assert (on_google.p95_cpu, elsewhere.p95_cpu) == (0.5, 2.0)


def test_the_reason_has_the_numbers_before_and_after():
    assert fitting.reason_of(HUGE, XLARGE, load(HUGE, cpu=6)) == "p95 CPU 6 % over 14 days; xlarge would run at 12 %."
    assert fitting.reason_of(HUGE, XLARGE, load(HUGE, cpu=0.2, memory=20)) == (
        "p95 CPU under 1 % and memory 20 % over 14 days; xlarge would run at under 1 % and 40 % of its memory."
    )


@pytest.mark.parametrize(
    ("figures", "said", "confidence"),
    [
        ({"cpu": 6, "memory": 10}, "", "high"),
        ({"cpu": 6, "memory": 10, "days": 9}, "It was seen for 9 days only", "medium"),
        ({"cpu": 6}, "how much is used is unknown", "low"),
        ({"cpu": 6, "memory": 10, "peak": 75}, "Its busiest minutes ask for 150 % of the proposed machine", "high"),
    ],
)
def test_what_is_not_known_or_would_be_tight_is_said(figures: dict[str, float], said: str, confidence: str) -> None:
    found = load(HUGE, **figures)
    caution = fitting.caution_of(HUGE, XLARGE, found)
    assert said in caution
    assert bool(caution) is bool(said)
    assert fitting.confidence_of(found) == confidence
