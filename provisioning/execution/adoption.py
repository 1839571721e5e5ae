"""After an abnormal end: objects that exist in the cloud but not in the state are imported before anything else.

A killed worker leaves, for instance, an instance that AWS was making while Terraform waited for it. It carries our
tags, so it is found by them; the module's ``[[adopt]]`` entries say which address of the module it is.
"""

from __future__ import annotations

import time

from clouds import catalogue
from clouds import services as clouds
from clouds.catalogue import Adoption
from clouds.services import CloudObject
from provisioning import state
from provisioning.models import Operation
from provisioning.terraform.diagnostics import Explanation, explain, explain_text
from provisioning.terraform.messages import EventKind

from .job import Canceled, Failed, Job
from .tags import search_tags

NOT_THERE = "non-existent remote object"  # what the engine says of an import that finds nothing
LOOKS = 4  # how often a cloud is asked whether something is really still there
LOOK_AGAIN = 5.0  # seconds between


def adopt_strays(job: Job) -> None:
    """Import what carries the resource's tags and is unknown to its state; needed after lost runs only.

    A destroy whose state is missing although something was made and nothing is found stays an error.
    """
    resource = job.run.resource
    if not _is_needed(job):
        return
    job.recorder.say(EventKind.RECOVERY, "Looking for objects that an interrupted run may have left")
    strays = _strays(job)
    if not strays and job.state_before is None and _must_have_made(job):
        raise state.MissingState(resource)
    offered = catalogue.adoptions(resource.offering_version, name=resource.name, resource_id=resource.pk)
    taken = {each.address for each in state.objects_in(job.state_before)}
    for stray, adoption in _places(job, strays, offered, taken):
        job.check()
        _adopt(job, stray, adoption)
    for adoption in offered:
        if adoption.untagged_name and adoption.address not in taken:
            job.check()
            _adopt_untagged(job, adoption)
    resource.needs_adoption = False  # written by finish, once the run after it ended well


def check_nothing_is_left(job: Job) -> None:
    """A destroy is done only when what had no place in the module is gone too: else it would cost on, unseen.

    Some of it goes with what was destroyed (a disk with its machine), so the cloud is asked again. The resource stays,
    with its credit, until somebody removed the rest and tries again, or forgets it.
    """
    if job.run.operation != Operation.DESTROY or not job.unplaced:
        return
    job.has_changed_something = job.is_abrupt = True  # unless this ends well, the next destroy looks again
    ids = {each.id for each in job.unplaced}
    for _ in range(LOOKS):
        left = [each for each in _strays(job) if each.id in ids]
        if not left:
            return
        job.check()
        time.sleep(LOOK_AGAIN)  # the cloud's lists are late
    names = ", ".join(f"{each.object_type} {each.name or each.id}" for each in left[:5])
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    raise Failed(
        Explanation(
            f"Everything known was destroyed, but this still carries the resource's tags: {names}{more}.",
            "Remove it in the cloud's console and try again, or forget the resource if it shall stay.",
            raw="\n".join(each.arn for each in left),
            code="left_over",
        )
    )


def _is_needed(job: Job) -> bool:
    without_state = job.run.operation == Operation.DESTROY and job.state_before is None
    return job.run.resource.needs_adoption or without_state


def _must_have_made(job: Job) -> bool:
    return state.must_exist(job.run.resource, job.run)


def _strays(job: Job) -> list[CloudObject]:
    resource = job.run.resource
    assert resource.cloud_account_id is not None  # the step before opened its keys
    try:
        found = clouds.tagged_objects(
            cloud_account_id=resource.cloud_account_id,
            region=resource.region,
            tags=search_tags(resource),
            purpose=job.purpose,
        )
    except clouds.CloudError as problem:
        advice = "Nothing was changed. Try again when the cloud account works."
        raise Failed(Explanation(str(problem), advice, code="account")) from None
    known = state.ids_in(job.state_before)
    return [each for each in found if each.id not in known and each.arn not in known]


def _places(
    job: Job, strays: list[CloudObject], offered: list[Adoption], taken: set[str]
) -> list[tuple[CloudObject, Adoption]]:
    """Each stray with the first free address the module offers for its type; the others are named in the log."""
    placed = []
    for stray in strays:
        free = [each for each in offered if each.object_type == stray.object_type and each.address not in taken]
        if free:
            taken.add(free[0].address)
            placed.append((stray, free[0]))
        else:
            text = f"{stray.object_type} {stray.id} carries this resource's tags, but the module has no place for it"
            job.recorder.say(EventKind.RECOVERY, text, "warning", id=stray.id, object_type=stray.object_type)
            job.unplaced.append(stray)
    return sorted(placed, key=lambda place: offered.index(place[1]))


def _adopt(job: Job, stray: CloudObject, adoption: Adoption) -> None:
    address = adoption.address
    job.recorder.say(EventKind.RECOVERY, f"Adopting {stray.id} as {address}", address=address, id=stray.id)
    refusal = _import(job, address, stray.name if adoption.import_by == "name" else stray.id)
    if refusal is None:
        return
    if NOT_THERE in refusal.raw:
        job.recorder.say(EventKind.RECOVERY, f"{stray.id} is gone meanwhile", id=stray.id)
        return
    raise _not_adopted(stray.id, address, refusal)


def _adopt_untagged(job: Job, adoption: Adoption) -> None:
    """What was made by a call whose answer was lost, before it could be tagged, is known by its name alone."""
    name, address = adoption.untagged_name, adoption.address
    refusal = _import(job, address, name)
    if refusal is None:
        job.recorder.say(EventKind.RECOVERY, f"Adopted {name} as {address}", address=address, id=name)
    elif NOT_THERE not in refusal.raw and refusal.code != "access_denied":  # that one is somebody else's
        raise _not_adopted(name, address, refusal)


def _import(job: Job, address: str, import_id: str) -> Explanation | None:
    """None when the object is in the state now, else why it is not. Raises :class:`Canceled`."""
    ended = job.engine("import", "-input=false", "-no-color", address, import_id)
    if ended.is_canceled:
        job.check()  # by whom? the user, or a worker that goes down
        raise Canceled
    if ended.is_success:
        return None
    if ended.stderr and not ended.killed_for:
        return explain_text(ended.stderr)  # an import has no JSON to say it in
    return explain(ended, job.errors)


def _not_adopted(name: str, address: str, refusal: Explanation) -> Failed:
    return Failed(
        Explanation(
            f"{name} was left by an interrupted run and could not be adopted.",
            "Try again. If it stays, remove the object in the cloud's console.",
            refusal.cloud_message,
            refusal.raw,
            address,
            "adoption",
        )
    )
