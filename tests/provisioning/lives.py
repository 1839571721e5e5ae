"""Ends of runs for tests, with the real services and without Terraform."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from typing import Any
from unittest import mock

from django.utils import timezone

from billing import metering, prices
from billing.models import Price
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


def change_prices(factor: Decimal, *, catalogue: str) -> None:
    """Load a newer version of the price catalogue in which AWS costs ``factor`` times as much in eu-west-1."""
    current = Price.objects.filter(is_current=True, sku__startswith="aws:", region="eu-west-1")
    new = list(current)
    current.update(is_current=False)
    for price in new:
        price.pk, price.catalogue = None, catalogue
        price.amount = max(Decimal("0.000001"), round(price.amount * factor, 6))
    Price.objects.bulk_create(new)
    prices.forget_table()


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_after(hours: int) -> Iterator[None]:
    """A pass in this block books so many hours and dies within the next, whose usage is written by then."""
    append, begun = metering.append_entry, count(1)

    def append_or_die(*args: Any, **more: Any) -> Any:
        if next(begun) > hours:
            raise Killed
        return append(*args, **more)

    with mock.patch.object(metering, "append_entry", append_or_die):
        yield
