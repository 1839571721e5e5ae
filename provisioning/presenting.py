"""A run as people see it: its steps and the progress of each object. One context for page, poll and push."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string

from clouds.models import OfferingVersion

from .models import WORKING_RUN_STATUSES, Resource, Run, RunEvent, RunStatus

PROGRESS_KINDS = frozenset({"planned_change", "apply_start", "apply_progress", "apply_complete", "apply_errored"})
STEPS = (
    ("queued", "Queued"),
    ("preparing", "Preparing"),
    ("planning", "Planning"),
    ("applying", "Applying"),
    ("finished", "Finished"),
)
ORDER = [name for name, _ in STEPS]
VERBS = {
    "create": ("to create", "creating", "created"),
    "delete": ("to destroy", "destroying", "destroyed"),
    "update": ("to change", "changing", "changed"),
    "replace": ("to replace", "replacing", "replaced"),
    "read": ("to read", "reading", "read"),
}


@dataclass(frozen=True)
class Step:
    name: str
    label: str
    state: str  # done, now, todo, failed


@dataclass
class ObjectProgress:
    """One Terraform object of the run."""

    address: str
    action: str
    state: str = "waiting"  # waiting, working, done, failed, stopped
    elapsed_seconds: float = 0
    started_at: datetime | None = None
    id: str = ""

    @property
    def word(self) -> str:
        waiting, working, done = VERBS.get(self.action, ("planned", "working", "done"))
        return {"waiting": waiting, "working": working, "done": done}.get(self.state, self.state)


@dataclass(frozen=True)
class Progress:
    objects: list[ObjectProgress] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.objects)

    @property
    def done(self) -> int:
        return sum(one.state == "done" for one in self.objects)


def run_context(run: Run) -> dict[str, Any]:
    """What ``_run_summary.html`` shows. One query for the events that carry progress."""
    return {"run": run, "resource": run.resource, "steps": steps_of(run), "progress": progress_of(run)}


def with_progress(runs: list[Run]) -> list[Run]:
    """The runs, each with ``objects_done`` and ``objects_total`` set; one query for all."""
    kinds = ["planned_change", "apply_start", "apply_complete"]
    made = RunEvent.objects.filter(run__in=runs, kind__in=kinds).exclude(data__action="read")
    rows = made.values_list("run_id", "kind", "data__address")
    seen: dict[Any, set[str]] = {}
    done: dict[Any, set[str]] = {}
    for run_id, kind, address in rows:
        seen.setdefault(run_id, set()).add(address)
        if kind == "apply_complete":
            done.setdefault(run_id, set()).add(address)
    for run in runs:
        run.objects_total = len(seen.get(run.pk, ()))  # type: ignore[attr-defined]
        run.objects_done = len(done.get(run.pk, ()))  # type: ignore[attr-defined]
    return runs


def labelled_inputs(version: OfferingVersion, inputs: dict[str, Any]) -> list[tuple[str, Any]]:
    """The inputs as (label, value), in the order of the form; empty ones left out."""
    properties: dict[str, Any] = version.schema.get("properties", {})
    names = [*version.input_names, *(name for name in inputs if name not in properties)]
    return [
        (
            properties.get(name, {}).get("title") or name.replace("_", " ").capitalize(),
            shown_input(version, name, inputs[name]),
        )
        for name in names
        if inputs.get(name) not in (None, "", [])
    ]


def shown_input(version: OfferingVersion, name: str, value: Any) -> str:
    """A value of the input ``name`` in words: the title of a choice, a number with its unit; "none" when empty."""
    rule: dict[str, Any] = version.schema.get("properties", {}).get(name, {})
    choices = {one.get("const"): one.get("title") for one in rule.get("oneOf", [])}
    if value in (None, "", []):
        return "none"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{choices.get(value) or value} {rule.get('unit', '')}".strip()


def steps_of(run: Run) -> list[Step]:
    """The phases of a run and how far it is; a run that ended badly stops where it was."""
    if run.status == RunStatus.SUCCEEDED:
        return [Step(name, label, "done") for name, label in STEPS]
    reached = _reached(run)
    at = ORDER.index(reached)
    here = "failed" if run.has_ended else "now"
    return [
        Step(name, label, "done" if place < at else here if place == at else "todo")
        for place, (name, label) in enumerate(STEPS)
    ]


def progress_of(run: Run) -> Progress:
    """Every object that was planned or touched, in the order it first appeared."""
    rows = run.events.filter(kind__in=PROGRESS_KINDS).order_by("seq").values_list("kind", "time", "data")
    objects: dict[str, ObjectProgress] = {}
    for kind, time, data in rows:
        _apply(objects, kind, time, data)
    interrupted = {"working", "failed"} if run.status == RunStatus.CANCELED else {"working"}
    if run.has_ended:
        for one in objects.values():
            one.state = "stopped" if one.state in interrupted else one.state
    return Progress(list(objects.values()))


def render_events(events: Iterable[RunEvent]) -> str:
    """The lines of the log as page, poll and push show them."""
    return "".join(render_to_string("provisioning/_run_event.html", {"event": event}) for event in events)


def render_summary(run: Run) -> str:
    return render_to_string("provisioning/_run_summary.html", run_context(run))


def render_resource_status(resource: Resource, run: Run | None) -> str:
    return render_to_string("provisioning/_resource_status.html", {"resource": resource, "run": run})


def _reached(run: Run) -> str:
    if run.status in WORKING_RUN_STATUSES or run.status == RunStatus.QUEUED:
        return str(run.status)
    if run.status == RunStatus.AWAITING_APPROVAL:
        return "planning"
    if run.started_at is None:
        return "queued"
    phases = run.events.filter(kind="phase").order_by("-seq").values_list("data", flat=True)
    named = [data.get("phase") for data in phases[:6]]
    return next((phase for phase in named if phase in ORDER and phase != "finished"), "preparing")


def _apply(objects: dict[str, ObjectProgress], kind: str, time: datetime, data: dict[str, Any]) -> None:
    address = str(data.get("address") or "")
    if not address or data.get("action") == "read":  # a data source: looked up, not made
        return
    one = objects.setdefault(address, ObjectProgress(address, str(data.get("action") or "")))
    one.action = str(data.get("action") or one.action)
    one.elapsed_seconds = data.get("elapsed_seconds") or one.elapsed_seconds
    one.id = str(data.get("id") or one.id)
    if kind == "apply_start":
        one.state, one.started_at = "working", time
    elif kind == "apply_complete":
        one.state = "done"
    elif kind == "apply_errored":
        one.state = "failed"
