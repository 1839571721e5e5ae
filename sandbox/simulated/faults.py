"""Faults on purpose: the n-th call fails, hangs, or its answer is lost after the work was done."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .errors import CloudFault

LONGEST = 600.0  # seconds a hanging call waits at most


@dataclass
class Rule:
    """One fault. ``nth`` counts the calls that fit, from 1; ``times`` is how many of them are hit from there on."""

    type: str = "*"  # "azurerm_linux_virtual_machine"
    operation: Literal["create", "read", "update", "delete", "list", "token", "*"] = "*"
    nth: int = 1
    times: int = 1
    action: Literal["fail", "hang", "drop", "drop_after"] = "fail"
    status: int = 500
    code: str = "InternalError"
    message: str = "An internal error occurred."
    seconds: float = 5.0
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    seen: int = 0

    def fits(self, type_: str, operation: str) -> bool:
        return self.type in {"*", type_} and self.operation in {"*", operation}

    def is_due(self) -> bool:
        return self.nth <= self.seen < self.nth + self.times


class Dropped(Exception):
    """The connection shall be closed without an answer."""


class Faults:
    """The rules in force, in the order they were given. Shared by all threads."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._turn = threading.Lock()

    def add(self, given: dict[str, Any]) -> dict[str, Any]:
        """Put a rule in force. Raises ``TypeError`` for a name that no rule has."""
        rule = Rule(**given)
        with self._turn:
            self._rules.append(rule)
        return asdict(rule)

    def listed(self) -> list[dict[str, Any]]:
        with self._turn:
            return [asdict(rule) for rule in self._rules]

    def clear(self) -> None:
        with self._turn:
            self._rules.clear()

    def before(self, type_: str, operation: str) -> bool:
        """Count the call and do what is due before the work: raise, wait, or drop. True: drop it after the work."""
        rule = self._due(type_, operation)
        if rule is None:
            return False
        if rule.action == "hang":
            time.sleep(min(rule.seconds, LONGEST))
        elif rule.action == "drop":
            raise Dropped
        elif rule.action == "fail":
            raise CloudFault(rule.status, rule.code, rule.message)
        return rule.action == "drop_after"

    def _due(self, type_: str, operation: str) -> Rule | None:
        with self._turn:
            fitting = [rule for rule in self._rules if rule.fits(type_, operation)]
            for rule in fitting:
                rule.seen += 1
            return next((rule for rule in fitting if rule.is_due()), None)
