"""Waking workers and pages once a write is committed. Redis may be away: the row waits, the sweeper rings again."""

from functools import partial
from uuid import UUID

from django.db import transaction

from provisioning import events, tasks
from provisioning.models import Run


def announce_after_commit(run: Run, *, rings: bool = True) -> None:
    """After commit: wake a worker (when ``rings``) and tell open pages to look at the run and its resource again."""
    transaction.on_commit(partial(_announce, run.pk, run.organization_id, run.resource_id, rings=rings), robust=True)


def _announce(run_id: UUID, organization_id: UUID, resource_id: UUID, *, rings: bool) -> None:
    if rings:
        tasks.drain_queue.send()
    events.announce_resource(organization_id, resource_id)
    if not rings:
        events.announce_run(run_id)
