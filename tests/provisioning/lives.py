"""Ends of runs for tests, with the real services and without Terraform."""

from __future__ import annotations

import json
import uuid

from django.utils import timezone

from provisioning.execution import finishing
from provisioning.execution.finishing import Outcome
from provisioning.models import Resource, Run, RunStatus, StateVersion
from provisioning.terraform.diagnostics import Explanation

BROKEN = Explanation("It broke.", "Try again.", code="other")
GONE = Explanation("The worker disappeared.", "Try again.", code="lost")


def begun(run: Run) -> Run:
    """The run as a worker has it while it applies."""
    Run.objects.filter(pk=run.pk).update(status=RunStatus.APPLYING, started_at=timezone.now())
    return Run.objects.get(pk=run.pk)


def succeed(run: Run) -> Resource:
    finishing.finish(begun(run), Outcome(RunStatus.SUCCEEDED))
    return Resource.objects.get(pk=run.resource_id)


def fail(run: Run, *, objects: int = 0, status: RunStatus = RunStatus.FAILED) -> Resource:
    """End a run that left ``objects`` in the cloud; none means that it changed nothing."""
    if objects:
        leave(run, objects)
    outcome = Outcome(status, BROKEN, has_changed_something=bool(objects))
    finishing.finish(begun(run), outcome)
    return Resource.objects.get(pk=run.resource_id)


def lose(run: Run) -> Resource:
    """End a run as recovery does when its worker is gone."""
    finishing.end_as(begun(run), RunStatus.LOST, GONE)
    return Resource.objects.get(pk=run.resource_id)


def leave(run: Run, objects: int) -> None:
    """A newer state of the run's resource with so many objects."""
    newest = StateVersion.objects.filter(resource=run.resource_id).values_list("serial", flat=True).first() or 0
    instances = [{"attributes": {"id": f"i-{number}"}} for number in range(objects)]
    thing = {"mode": "managed", "type": "aws_instance", "name": "this", "instances": instances}
    body = {"version": 4, "serial": newest + 1, "lineage": "x", "outputs": {}, "resources": [thing]}
    StateVersion.objects.create(
        resource_id=run.resource_id,
        run=run,
        serial=newest + 1,
        lineage="x",
        body=json.dumps(body),
        sha256=uuid.uuid4().hex,
        objects_count=objects,
    )
