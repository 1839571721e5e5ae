"""The engine's ``-json`` lines as typed events. Unknown or garbled lines become log lines; nothing here raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MESSAGE_LENGTH = 8000  # characters kept of one message
_OURS_TO_KNOW = "Provider development overrides are in effect"  # how we start providers; see workspace.create


class EventKind(StrEnum):
    """``RunEvent.kind``. What each carries in ``data`` is written beside it."""

    PHASE = "phase"  # phase: preparing, planning, applying, saving, finished
    PLANNED_CHANGE = "planned_change"  # address, action
    CHANGE_SUMMARY = "change_summary"  # adds, changes, destroys, operation
    APPLY_START = "apply_start"  # address, action
    APPLY_PROGRESS = "apply_progress"  # address, action, elapsed_seconds
    APPLY_COMPLETE = "apply_complete"  # address, action, elapsed_seconds, id
    APPLY_ERRORED = "apply_errored"  # address, action, elapsed_seconds
    REFRESH = "refresh"  # address
    DIAGNOSTIC = "diagnostic"  # severity, summary, detail, address
    OUTPUT = "output"  # name
    LOG = "log"
    CANCEL = "cancel"
    RECOVERY = "recovery"
    DRAIN = "drain"  # what a cluster made by itself; id, object_type or cluster or removed


@dataclass(frozen=True, slots=True)
class Event:
    kind: EventKind
    message: str
    level: str = "info"  # debug, info, warning, error
    data: dict[str, Any] = field(default_factory=dict)


_LEVELS = {"trace": "debug", "debug": "debug", "info": "info", "warn": "warning", "error": "error"}


def parse(line: str) -> list[Event]:
    """The events of one line: none for what nobody needs to read, several for a list of outputs."""
    text = line.strip()
    if not text:
        return []
    try:
        body = json.loads(text)
    except ValueError:
        return [Event(EventKind.LOG, clean(text))]
    if not isinstance(body, dict):
        return [Event(EventKind.LOG, clean(text))]
    try:
        return _parse_known(body)
    except (KeyError, TypeError, ValueError, AttributeError):
        return [Event(EventKind.LOG, clean(str(body.get("@message", text))), _level(body))]


def clean(text: str) -> str:
    """Text fit for the database: no NUL, no escape sequences, not endless."""
    return "".join(char for char in text[:MESSAGE_LENGTH] if char in "\n\t" or char.isprintable())


def _parse_known(body: dict[str, Any]) -> list[Event]:
    return _READERS.get(body.get("type", ""), _log)(body)


def _log(body: dict[str, Any]) -> list[Event]:
    return [Event(EventKind.LOG, _message(body), _level(body))]


def _nothing(body: dict[str, Any]) -> list[Event]:
    return []


def _refresh(body: dict[str, Any]) -> list[Event]:
    return [Event(EventKind.REFRESH, _message(body), "debug", {"address": clean(body["hook"]["resource"]["addr"])})]


def _outputs(body: dict[str, Any]) -> list[Event]:
    """The names of outputs that have values now; the list before the apply only says what will be made."""
    return [
        Event(EventKind.OUTPUT, clean(f"Output {name}"), "info", {"name": name})
        for name, output in body["outputs"].items()
        if "action" not in output
    ]


def _hook(body: dict[str, Any]) -> list[Event]:
    kind, hook = EventKind(body["type"]), body["hook"]
    data: dict[str, Any] = {"address": clean(hook["resource"]["addr"]), "action": hook["action"]}
    if "elapsed_seconds" in hook:
        data["elapsed_seconds"] = hook["elapsed_seconds"]
    if kind is EventKind.APPLY_COMPLETE and hook.get("id_value"):
        data["id"] = clean(str(hook["id_value"]))[:300]
    level = "error" if kind is EventKind.APPLY_ERRORED else "info"
    return [Event(kind, _message(body), level, data)]


def _planned(body: dict[str, Any]) -> list[Event]:
    change = body["change"]
    data = {"address": clean(change["resource"]["addr"]), "action": change["action"]}
    return [Event(EventKind.PLANNED_CHANGE, _message(body), "info", data)]


def _summary(body: dict[str, Any]) -> list[Event]:
    changes = body["changes"]
    data = {
        "adds": int(changes["add"]),
        "changes": int(changes["change"]),
        "destroys": int(changes["remove"]),
        "operation": changes.get("operation", ""),
    }
    return [Event(EventKind.CHANGE_SUMMARY, _message(body), "info", data)]


def _diagnostic(body: dict[str, Any]) -> list[Event]:
    """What went wrong. The snippet's values are left out: they may hold what the cloud account's owner typed."""
    said = body["diagnostic"]
    if said["summary"] == _OURS_TO_KNOW:
        return []
    severity = "error" if said["severity"] == "error" else "warning"
    data = {
        "severity": severity,
        "summary": clean(said["summary"]),
        "detail": clean(said.get("detail", "")),
        "address": clean(said.get("address", "")),
    }
    return [Event(EventKind.DIAGNOSTIC, data["summary"], severity, data)]


def _message(body: dict[str, Any]) -> str:
    return clean(str(body["@message"]))


def _level(body: dict[str, Any]) -> str:
    return _LEVELS.get(str(body.get("@level", "info")), "info")


_READERS: dict[str, Callable[[dict[str, Any]], list[Event]]] = {
    "apply_start": _hook,
    "apply_progress": _hook,
    "apply_complete": _hook,
    "apply_errored": _hook,
    "planned_change": _planned,
    "change_summary": _summary,
    "diagnostic": _diagnostic,
    "refresh_complete": _refresh,
    "outputs": _outputs,
    "refresh_start": _nothing,
    "provision_start": _nothing,
    "provision_complete": _nothing,
}
