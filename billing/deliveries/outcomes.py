"""How an attempt ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto


class Verdict(Enum):
    DELIVERED = auto()
    RETRY = auto()
    FAILED = auto()  # another try would end the same
    GONE = auto()  # the receiver wants nothing any more


@dataclass(frozen=True, slots=True)
class Outcome:
    """``error`` is in plain words and holds neither an address nor a secret; people read it in the delivery log."""

    verdict: Verdict
    error: str = ""
    response_status: int | None = None
    asked_wait: timedelta | None = None  # what the receiver said in Retry-After


DELIVERED = Outcome(Verdict.DELIVERED)


def failed(error: str) -> Outcome:
    return Outcome(Verdict.FAILED, error)


def to_retry(error: str) -> Outcome:
    return Outcome(Verdict.RETRY, error)
