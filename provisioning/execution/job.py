"""What the steps of one run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from clouds.services import CloudObject, Purpose, RunnerEnvironment
from provisioning.events import Recorder
from provisioning.models import Run, RunStatus
from provisioning.terraform import process
from provisioning.terraform.diagnostics import Explanation
from provisioning.terraform.messages import MESSAGE_LENGTH, Event, EventKind, clean, parse
from provisioning.terraform.process import Ended, Watch
from provisioning.terraform.redaction import Redactor
from provisioning.terraform.workspace import Runner, Workspace, engine_environment

from .lease import Lease
from .toolchain import limits

LINES_AT_MOST = 20_000  # lines of output kept in a run's log
PHASES = {
    RunStatus.PREPARING: "Preparing",
    RunStatus.PLANNING: "Planning",
    RunStatus.APPLYING: "Applying",
}


class Failed(Exception):
    """A step failed; the run ends as failed with this explanation."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        super().__init__(explanation.summary)


class Canceled(Exception):
    """Somebody canceled the run, or the worker is going down (``reason``)."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True, kw_only=True)
class Job:
    """One run being worked on by this process."""

    run: Run
    runner: Runner
    recorder: Recorder
    lease: Lease
    is_stopping: Callable[[], bool] = lambda: False
    grace: float = 60.0
    prepared: Path | None = None
    workspace: Workspace | None = None
    environment: RunnerEnvironment | None = None
    redactor: Redactor = field(default_factory=lambda: Redactor({}))
    state_before: str | None = None
    has_started_engine: bool = False  # from here on the cloud may have been changed
    has_changed_something: bool = False
    is_abrupt: bool = False  # the engine did not end by itself: the cloud may be making what no state knows
    is_on: bool | None = None  # whether the machine runs, after a start or stop whose end was seen
    errors: list[Event] = field(default_factory=list)
    unplaced: list[CloudObject] = field(default_factory=list)  # carry our tags, and the module has no place for them
    lines: int = 0  # printed by the module so far

    @property
    def folder(self) -> Workspace:
        assert self.workspace is not None  # the first step made it
        return self.workspace

    @property
    def purpose(self) -> Purpose:
        """What we sign in to the cloud for."""
        return Purpose(resource_id=self.run.resource_id, run_id=self.run.pk)

    def check(self) -> None:
        """Between steps: raise :class:`LeaseLost` or :class:`Canceled` when the run shall not go on."""
        self.lease.require()
        if self.lease.is_cancel_requested:
            raise Canceled
        if self.is_stopping():
            raise Canceled("The worker was stopped.")

    def enter(self, status: RunStatus) -> None:
        """Move the run on and say so in its log."""
        if self.run.status != status:
            self.run.advance(status)
        self.recorder.say(EventKind.PHASE, PHASES[status], phase=str(status))

    def engine(self, *argv: str) -> Ended:
        """Run the engine in the workspace, its events into the log; errors are kept in ``errors``."""
        self.has_started_engine = True
        variables = self.environment.variables if self.environment else {}
        self.is_abrupt = True
        ended = process.run(
            self.runner,
            self.folder,
            argv,
            environment={**engine_environment(self.folder), **variables},
            limits=limits(),
            watch=Watch(
                on_line=self._take,
                on_tick=self.recorder.tick,
                is_canceled=lambda: self.lease.is_cancel_requested or self.lease.is_lost or self.is_stopping(),
                grace=self.grace,
            ),
        )
        self.is_abrupt = bool(ended.killed_for) or ended.returncode not in {0, 1}
        return masked(ended, self.redactor)

    def _take(self, line: str) -> None:
        for event in parse(line):
            self._note(event)
            if self._has_room(event):
                self.recorder.add(self.redactor.event(event))

    def _has_room(self, event: Event) -> bool:
        """A module may print without end; what the engine itself reports is always kept."""
        if event.kind is not EventKind.LOG:
            return True
        self.lines += 1
        if self.lines == LINES_AT_MOST + 1:
            self.recorder.say(EventKind.LOG, "The module prints too much: the rest is left out.", "warning")
        return self.lines <= LINES_AT_MOST

    def _note(self, event: Event) -> None:
        """What the run's row learns from the log: its plan, its phase, its first error."""
        if event.kind is EventKind.CHANGE_SUMMARY and event.data["operation"] == "plan":
            self.run.plan = {name: event.data[name] for name in ("adds", "changes", "destroys")}
            Run.objects.filter(pk=self.run.pk).update(plan=self.run.plan)
        elif event.kind is EventKind.APPLY_START:
            self.has_changed_something = True
            if self.run.status == RunStatus.PLANNING:
                self.enter(RunStatus.APPLYING)
        elif event.kind is EventKind.DIAGNOSTIC and event.level == "error":
            self.errors.append(self.redactor.event(event))


def masked(ended: Ended, redactor: Redactor) -> Ended:
    """``ended`` with an error output that may be shown and kept: a provider that crashes prints what it likes."""
    return replace(ended, stderr=redactor.text(clean(ended.stderr[-MESSAGE_LENGTH:])))
