"""What a crash left behind: silent runs are ended as lost, their state is salvaged, forgotten work is rung for again.

Nothing here ever applies anything: a lost run is never repeated by itself.
"""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from datetime import timedelta

import psutil
import structlog
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from . import state
from .execution import end_as, works_on
from .execution.toolchain import runner
from .models import WORKING_RUN_STATUSES, IllegalTransition, Run, RunStatus, Worker
from .terraform.diagnostics import Explanation
from .terraform.workspace import Workspace

log = structlog.get_logger(__name__)
HEARD_OF = timedelta(seconds=30)  # a heartbeat younger than this speaks for a worker; they come every 5 s
KEEP_WORKERS = timedelta(days=7)  # how long rows of stopped workers stay to be looked at

LOST = Explanation(
    summary="The worker that ran this disappeared, so the run was given up.",
    advice=(
        "What was made so far is kept and recorded. “Try again” goes on from there and “Destroy” removes all of it, "
        "including what was being made at that moment."
    ),
    code="lost",
)
CANCELED = Explanation(
    summary="Canceled. The worker that ran this had already disappeared.", advice=LOST.advice, code="canceled"
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found."""

    queued: int  # runs waiting; somebody should ring for them
    lost: int  # runs ended now


def sweep() -> Swept:
    """End the runs whose worker is silent or gone, salvage what they left here, count what waits."""
    lost = sum(_try_to_give_up(run_id) for run_id in _silent() | _of_dead_processes())
    salvage_workspaces()
    _mark_silent_workers()
    _forget_old_workers()
    return Swept(queued=Run.objects.filter(status=RunStatus.QUEUED).count(), lost=lost)


def salvage_workspaces() -> int:
    """Store the newer states in workspaces whose run has ended, and remove those. Returns how many were removed."""
    removed = 0
    for workspace in runner().workspaces():
        try:
            removed += _salvage(workspace)
        except DatabaseError:
            log.warning("a workspace waits for the database", run_id=workspace.run_id)
        except Exception:  # one bad workspace must not keep the others from being salvaged
            log.exception("a workspace could not be salvaged", run_id=workspace.run_id)
    return removed


def _silent() -> set[uuid.UUID]:
    silent = Run.objects.working().filter(lease_expires_at__lt=timezone.now())
    return set(silent.values_list("pk", flat=True))


def _of_dead_processes() -> set[uuid.UUID]:
    """Runs of workers of this very machine whose process does not exist any more: no need to wait for the lease."""
    rows = Run.objects.working().filter(worker__host=socket.gethostname()).select_related("worker")
    return {run.pk for run in rows if run.worker is not None and not _is_alive(run.worker)}


def _is_alive(worker: Worker) -> bool:
    """Whether the worker's process exists. Its number may have been given to a younger process since: in a container
    started anew it often is. A moved clock looks the same, so a worker that was just heard of counts as alive.
    """
    try:
        created = psutil.Process(worker.pid).create_time()
    except psutil.NoSuchProcess:
        return False
    return created <= worker.started_at.timestamp() + 1 or worker.heartbeat_at > timezone.now() - HEARD_OF


def _try_to_give_up(run_id: uuid.UUID) -> bool:
    """:func:`_give_up`, whatever is wrong with this run: the others must be ended all the same."""
    try:
        return _give_up(run_id)
    except DatabaseError:
        raise
    except Exception:
        log.exception("a run could not be given up", run_id=str(run_id))
        return False


def _give_up(run_id: uuid.UUID) -> bool:
    """End one silent run, its state saved first if it is here. False when somebody else was faster."""
    try:
        with transaction.atomic():
            run = Run.objects.working().select_for_update(skip_locked=True).filter(pk=run_id).first()
            if run is None or not _is_given_up(run):
                return False
            _salvage_state(run)
            if run.cancel_requested_at is not None:
                end_as(run, RunStatus.CANCELED, CANCELED)
            else:
                end_as(run, RunStatus.LOST, LOST)
    except IllegalTransition:
        return False
    log.warning("a run was given up", run_id=str(run_id))
    return True


def _is_given_up(run: Run) -> bool:
    """Looked at again under the lock: its worker may have come back."""
    is_late = run.lease_expires_at is None or run.lease_expires_at < timezone.now()
    worker = run.worker
    is_local = worker is not None and worker.host == socket.gethostname()
    return is_late or (is_local and worker is not None and not _is_alive(worker))


def _salvage_state(run: Run) -> None:
    """Keep the state that the engine wrote before it was cut off, if its workspace is on this machine."""
    workspace = Workspace(runner().root / "runs" / str(run.pk))
    body = workspace.read_state()
    if body is None:
        return
    try:
        with transaction.atomic():
            state.store(run, body)
    except (state.StaleState, ValueError) as problem:
        log.info("nothing to salvage", run_id=str(run.pk), reason=str(problem))


def _salvage(workspace: Workspace) -> bool:
    run = _run_of(workspace)
    if run is not None and (not run.has_ended or works_on(run.pk)):
        return False
    if run is not None:
        if run.worker is not None and _may_still_write(run.worker):
            return False
        if Run.objects.working().filter(resource_id=run.resource_id).exists():
            return False  # the state must not change under it; looked at again once it has ended
        _salvage_state(run)
    workspace.remove()
    return True


def _may_still_write(worker: Worker) -> bool:
    """Whether a live worker may still be saving this run itself: it removes the workspace afterwards."""
    is_here = worker.host == socket.gethostname() and worker.pid != os.getpid()
    return is_here and worker.stopped_at is None and _is_alive(worker)


def _run_of(workspace: Workspace) -> Run | None:
    try:
        run_id = uuid.UUID(workspace.run_id)
    except ValueError:
        return None
    return Run.objects.select_related("worker").filter(pk=run_id).first()


def _mark_silent_workers() -> None:
    """Workers of this machine whose process is gone are shown as stopped."""
    for worker in Worker.objects.filter(host=socket.gethostname(), stopped_at=None):
        if not _is_alive(worker):
            Worker.objects.filter(pk=worker.pk).update(stopped_at=timezone.now())


def _forget_old_workers() -> None:
    """Drop rows of workers that stopped, or were last heard of, long ago; runs keep all but their worker's name."""
    long_ago = timezone.now() - KEEP_WORKERS
    old = Worker.objects.filter(Q(stopped_at__lt=long_ago) | Q(stopped_at=None, heartbeat_at__lt=long_ago))
    old.exclude(runs__status__in=WORKING_RUN_STATUSES).delete()
