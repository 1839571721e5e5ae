"""Buckets: their names are unique in the whole world."""

from __future__ import annotations

from sandbox.simulated.store import Object, Store

from .kinds import Attributes, Kind, number_of, refused

TAKEN = (
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please "
    "select a different name and try again."
)
OWN = "Your previous request to create the named bucket succeeded and you already own it."


def bucket(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    if before is None and (other := store.get("google_storage_bucket", id_)):
        raise refused(409, "creating Bucket", OWN if other.scope == attributes["project"] else TAKEN, "conflict")
    return {
        "self_link": f"https://www.googleapis.com/storage/v1/b/{id_}",
        "url": f"gs://{id_}",
        "project_number": int(number_of(attributes["project"])[:12]),
        "public_access_prevention": attributes.get("public_access_prevention") or "inherited",
        "uniform_bucket_level_access": bool(attributes.get("uniform_bucket_level_access")),
        "rpo": attributes.get("rpo") or ("" if "-" in attributes["location"] else "DEFAULT"),
        "soft_delete_policy": _soft_delete(attributes, before),
        "versioning": attributes.get("versioning") or [],
        "time_created": before.attributes["time_created"] if before else "2026-11-24T00:00:00.000Z",
        "updated": f"2026-11-24T00:00:{store.counter('updated') % 60:02}.000Z",
    }


def _soft_delete(attributes: Attributes, before: Object | None) -> list[Attributes]:
    """Seven days where nothing is asked for; when it began stays."""
    began = before.attributes["soft_delete_policy"][0]["effective_time"] if before else "2026-11-24T00:00:00.000Z"
    given = (attributes.get("soft_delete_policy") or [{}])[0] or {}
    seconds = given.get("retention_duration_seconds")
    return [{"retention_duration_seconds": 604800 if seconds is None else seconds, "effective_time": began}]


KINDS = {"google_storage_bucket": Kind("Bucket", "storage.buckets", "{name}", bucket)}
