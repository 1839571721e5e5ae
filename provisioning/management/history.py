"""A made-up tenant's past: what it ordered, changed, stopped at weekends and destroyed. Plain data and dates.

The moments of a life are fractions of the history, so that thirty days have the same shape as ninety. Minutes come from
a random generator that is seeded with the name: the same days and seed always give the same history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

DAY = timedelta(days=1)
ACCOUNTS = {"Production": "aws", "Development": "aws", "Corporate": "azure", "Data platform": "gcp"}
SPIKE = 0.86  # when the load test was: one day costs far more than its neighbours


@dataclass(frozen=True)
class Life:
    """One resource from ``born`` to ``gone``, both fractions of the history; None: it is still there."""

    name: str
    offering: str  # "aws/vm"
    account: str  # a key of ACCOUNTS
    inputs: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    born: float = 0.0
    changes: tuple[tuple[float, dict[str, Any]], ...] = ()
    gone: float | None = None
    hours: int = 0  # it lived so long only, whatever ``gone`` says
    rests_at_weekends: bool = False


@dataclass(frozen=True)
class Happening:
    at: datetime
    operation: str  # create, update, stop, start, destroy
    inputs: dict[str, Any]  # as they are from then on


def _team(team: str, env: str) -> dict[str, str]:
    return {"team": team, "env": env}


LIVES = (
    Life(
        "web-1", "aws/vm", "Production", {"size": "large"}, _team("web", "prod"), changes=((0.55, {"size": "xlarge"}),)
    ),
    Life("web-2", "aws/vm", "Production", {"size": "large"}, _team("web", "prod"), born=0.04),
    Life("orders-db", "azure/vm", "Corporate", {"size": "xlarge", "disk_gb": 256}, _team("data", "prod"), born=0.02),
    Life(
        "etl",
        "gcp/vm",
        "Data platform",
        {"size": "2xlarge"},
        _team("data", "prod"),
        born=0.08,
        rests_at_weekends=True,
    ),
    Life(
        "dev-anna", "aws/vm", "Development", {"size": "xlarge"}, _team("web", "dev"), born=0.01, rests_at_weekends=True
    ),
    Life(
        "dev-ben",
        "azure/vm",
        "Corporate",
        {"size": "medium"},
        _team("platform", "dev"),
        born=0.12,
        rests_at_weekends=True,
    ),
    Life(
        "assets",
        "aws/bucket",
        "Production",
        {"expected_gb": 500},
        _team("web", "prod"),
        born=0.01,
        changes=((0.35, {"expected_gb": 900}), (0.7, {"expected_gb": 1600})),
    ),
    Life("lake", "gcp/bucket", "Data platform", {"expected_gb": 4000}, _team("data", "prod"), born=0.1),
    Life("backups", "azure/bucket", "Corporate", {"expected_gb": 2500}, born=0.15),
    Life(
        "shop",
        "azure/kubernetes",
        "Corporate",
        {"node_size": "large", "min_nodes": 2, "max_nodes": 4},
        _team("web", "prod"),
        born=0.3,
        changes=((0.68, {"min_nodes": 3}),),
    ),
    Life("legacy-db", "aws/vm", "Production", {"size": "xlarge"}, _team("data", "prod"), gone=0.42),
    Life("reports", "gcp/vm", "Data platform", {"size": "xlarge"}, born=0.6),
    Life(
        "spark-trial",
        "gcp/kubernetes",
        "Data platform",
        {"node_size": "xlarge", "min_nodes": 2, "max_nodes": 3},
        _team("data", "dev"),
        born=0.74,
        gone=0.81,
    ),
    *(
        Life(
            f"loadtest-{number}",
            "aws/vm",
            "Development",
            {"size": "2xlarge", "disk_gb": 100},
            _team("platform", "dev"),
            born=SPIKE,
            hours=15,
        )
        for number in range(1, 7)
    ),
)


def happenings(life: Life, *, now: datetime, days: int, seed: int = 1) -> list[Happening]:
    """What happened to ``life`` in the ``days`` before ``now``, oldest first; nothing lies in the future."""
    clock = _Clock(now, days, Random(f"{seed}:{life.name}"))  # noqa: S311  - a history, not a secret
    born = clock.at(life.born, hour=8)
    gone = born + timedelta(hours=life.hours) if life.hours else clock.at(life.gone, hour=17) if life.gone else None
    inputs = dict(life.inputs)
    found = [Happening(born, "create", inputs)]
    for fraction, change in life.changes:
        inputs = inputs | change
        found.append(Happening(clock.at(fraction, hour=11), "update", inputs))
    if life.rests_at_weekends:
        found += _weekends(life, found, clock)
    found = sorted((each for each in found if born <= each.at < (gone or now)), key=lambda each: each.at)
    return [*found, Happening(gone, "destroy", inputs)] if gone and gone < now else found


def _weekends(life: Life, known: list[Happening], clock: _Clock) -> Iterator[Happening]:
    """A stop every Friday evening, a start every Monday morning."""
    for day in clock.days():
        operation = {4: "stop", 0: "start"}.get(day.weekday())
        at = clock.on(day, hour=18 if operation == "stop" else 7)
        before = [each for each in known if each.at < at]
        if operation and before:
            is_first_start = operation == "start" and at - before[0].at < 3 * DAY
            if not is_first_start:
                yield Happening(at, operation, before[-1].inputs)


class _Clock:
    """Days of the history, with a made-up minute of the hour."""

    def __init__(self, now: datetime, days: int, random: Random) -> None:
        self.start, self.count, self.random = now.astimezone(UTC).date() - DAY * days, days, random

    def days(self) -> Iterator[date]:
        return (self.start + DAY * number for number in range(self.count + 1))

    def at(self, fraction: float, *, hour: int) -> datetime:
        return self.on(self.start + DAY * int(self.count * fraction), hour=hour)

    def on(self, day: date, *, hour: int) -> datetime:
        moment = time(hour, self.random.randrange(60), self.random.randrange(60), tzinfo=UTC)
        return datetime.combine(day, moment)
