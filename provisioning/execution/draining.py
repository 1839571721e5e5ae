"""Before a cluster is destroyed: what it made by itself is removed, or the destroy would hang on it.

A Kubernetes cluster makes load balancers, volumes and network interfaces that are in no Terraform state. They keep
networks from being deleted, and those that survive cost on. They are found by the cluster's own tags.
"""

from __future__ import annotations

import time

from clouds import services as clouds
from clouds.services import CloudObject
from provisioning import state
from provisioning.models import Operation
from provisioning.terraform.diagnostics import Explanation
from provisioning.terraform.messages import EventKind

from .job import Failed, Job

ROUNDS = 12  # looks into the cloud until what does not go is an error
PAUSE = 5.0  # seconds between: deleting a load balancer frees its network interfaces within about a minute


def drain(job: Job) -> None:
    """Remove what the resource's cluster made by itself, and say so in the log. Only before a destroy."""
    cluster = _cluster(job)
    if job.run.operation != Operation.DESTROY or cluster is None:
        return
    job.recorder.say(EventKind.DRAIN, f"Looking for what the cluster {cluster} made by itself", cluster=cluster)
    removed = _remove_all(job, cluster)
    text = f"{removed} removed, nothing else is left" if removed else "The cluster left nothing behind"
    job.recorder.say(EventKind.DRAIN, text, removed=removed)


def drain_again(job: Job, code: str) -> bool:
    """After a destroy that something else in the cloud stood in the way of: True when more was found and removed.

    While it still lived the cluster may have made anew what was removed; now it is gone and cannot.
    """
    cluster = _cluster(job)
    if job.run.operation != Operation.DESTROY or cluster is None or code != "dependency":
        return False
    job.recorder.say(EventKind.DRAIN, "Something is in the way: looking again", cluster=cluster)
    return _remove_all(job, cluster) > 0


def _cluster(job: Job) -> str | None:
    """The cluster's name in the cloud; None where the module makes no cluster or has not made one yet."""
    drained = job.run.resource.offering_version.manifest.get("drain")
    bodies = [body for body in (job.state_before, job.folder.read_state()) if body]
    if not drained or not bodies:
        return None
    named = [state.outputs_in(body).get(drained["cluster"], ("", False))[0] for body in bodies]
    return str(next(filter(None, named), job.run.resource.name))


def _remove_all(job: Job, cluster: str) -> int:
    """How many objects were removed. Raises :class:`Failed` for one that does not go."""
    asked: set[str] = set()
    found: list[CloudObject] = []
    for attempt in range(ROUNDS):
        if attempt:
            time.sleep(PAUSE)
        job.check()
        found = _leftovers(job, cluster)
        if not found:
            return len(asked)
        for each in found:
            _remove(job, each, is_first=each.id not in asked)
            asked.add(each.id)
    raise Failed(_stuck(found))


def _leftovers(job: Job, cluster: str) -> list[CloudObject]:
    resource = job.run.resource
    assert resource.cloud_account_id is not None  # the step before opened its keys
    try:
        return clouds.leftovers(
            cloud_account_id=resource.cloud_account_id, region=resource.region, cluster=cluster, purpose=job.purpose
        )
    except clouds.CloudError as problem:
        advice = "Nothing was destroyed. Try again when the cloud account works."
        raise Failed(Explanation(str(problem), advice, code="account")) from None


def _remove(job: Job, found: CloudObject, *, is_first: bool) -> None:
    """Ask the cloud to delete one object. What still hangs on another is asked for again in the next round."""
    resource = job.run.resource
    name = found.name or found.id
    if is_first:
        about = {"id": found.id, "object_type": found.object_type}
        job.recorder.say(EventKind.DRAIN, f"Removing {found.object_type} {name}", **about)
    job.has_changed_something = True
    try:
        assert resource.cloud_account_id is not None
        clouds.remove_leftover(
            cloud_account_id=resource.cloud_account_id, region=resource.region, found=found, purpose=job.purpose
        )
    except clouds.CloudError as problem:
        job.recorder.say(EventKind.DRAIN, f"{name} does not go yet: {problem}", "warning", id=found.id)


def _stuck(found: list[CloudObject]) -> Explanation:
    names = ", ".join(f"{each.object_type} {each.name or each.id}" for each in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return Explanation(
        f"The cluster made this by itself and it does not go: {names}{more}.",
        "Remove it in the cloud's console, then try again. The cluster itself was not touched.",
        raw="\n".join(each.arn for each in found),
        code="left_over",
    )
