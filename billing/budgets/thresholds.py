"""Thresholds of budgets, as whoever sends them may write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from django.core.exceptions import ValidationError

from billing.models import Basis

MAX_THRESHOLDS = 10
MAX_PERCENT = 1000
MAX_DIGITS = 4  # of MAX_PERCENT


class Threshold(TypedDict):
    percent: int
    on: str


DEFAULT_THRESHOLDS: list[Threshold] = [
    {"percent": 80, "on": Basis.ACTUAL.value},
    {"percent": 100, "on": Basis.ACTUAL.value},
    {"percent": 100, "on": Basis.FORECAST.value},
]


def clean_thresholds(given: object) -> list[Threshold]:
    """``given`` as it is kept: [{"percent": 80, "on": "actual"}, ...], ordered by basis and percent.

    A plain number is a percentage of what was spent. Raises ``ValidationError`` with all that is wrong: no list or an
    empty one, more than ``MAX_THRESHOLDS``, one that is twice there, a percentage that is no whole number from 1 to
    ``MAX_PERCENT``, an unknown basis.
    """
    if not isinstance(given, (list, tuple)) or not given:
        raise ValidationError("Give a list of at least one threshold, such as 80.")
    if len(given) > MAX_THRESHOLDS:
        raise ValidationError(f"These are {len(given)} thresholds; at most {MAX_THRESHOLDS} are allowed.")
    found: list[Threshold] = []
    problems: list[str] = []
    for number, each in enumerate(given, start=1):
        try:
            found.append(_threshold(each))
        except ValueError as error:
            problems.append(f"Threshold {number}: {error}")
    twice = {(each["percent"], each["on"]) for each in found if found.count(each) > 1}
    problems += [f"{percent} % of the {Basis(on).label.lower()} is given twice." for percent, on in sorted(twice)]
    if problems:
        raise ValidationError(problems)
    order = Basis.values
    return sorted(found, key=lambda each: (order.index(each["on"]), each["percent"]))


def _threshold(given: object) -> Threshold:
    if not isinstance(given, Mapping):
        return {"percent": _percent(given), "on": Basis.ACTUAL.value}
    if unknown := sorted(str(name)[:40] for name in given if name not in {"percent", "on"}):
        raise ValueError(f"it has “percent” and “on” only, not “{unknown[0]}”.")
    on = given.get("on", Basis.ACTUAL.value)
    if not isinstance(on, str) or on not in Basis.values:
        raise ValueError(f"“on” is one of {', '.join(Basis.values)}.")
    return {"percent": _percent(given.get("percent")), "on": str(on)}


def _percent(given: object) -> int:
    whole = _whole(given)
    if whole is None or not 1 <= whole <= MAX_PERCENT:
        raise ValueError(f"the percentage is a whole number from 1 to {MAX_PERCENT}.")
    return whole


def _whole(given: object) -> int | None:
    """The number that ``given`` is; None for what is none, or far too large."""
    if isinstance(given, bool):
        return None
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= MAX_DIGITS:
        return int(given)
    if isinstance(given, float) and given.is_integer():  # neither infinite nor not a number
        return int(given)
    return given if isinstance(given, int) else None
