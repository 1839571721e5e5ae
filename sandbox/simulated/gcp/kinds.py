"""Google's types: where each lies, what its permissions are called, what the cloud computes for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

Attributes = dict[str, Any]
# (store, id, attributes as asked, the object before or None) -> what the cloud fills in
Compute = Callable[[Store, str, Attributes, Object | None], Attributes]

GLOBAL = "projects/{project}/global"
REGIONAL = "projects/{project}/regions/{region}"
ZONAL = "projects/{project}/zones/{zone}"
PLACE = "projects/{project}/locations/{location}"
LINK = "https://www.googleapis.com/compute/v1/"
SERVICES = {  # first word of a permission: the API that must be enabled for it
    "compute": ("compute.googleapis.com", "Compute Engine API"),
    "container": ("container.googleapis.com", "Kubernetes Engine API"),
    "iam": ("iam.googleapis.com", "Identity and Access Management (IAM) API"),
    "resourcemanager": ("cloudresourcemanager.googleapis.com", "Cloud Resource Manager API"),
    "serviceusage": ("serviceusage.googleapis.com", "Service Usage API"),
    "storage": ("storage.googleapis.com", "Cloud Storage JSON API"),
}


def nothing(_store: Store, _id: str, _attributes: Attributes, _before: Object | None) -> Attributes:
    return {}


@dataclass(frozen=True)
class Kind:
    """One type. ``place`` is the id, with attributes in braces; ``noun`` is what the provider's errors call it."""

    noun: str
    permissions: str  # "compute.instances"
    place: str
    compute: Compute = nothing
    parent: Callable[[str], str] | None = None  # of an id: that of what it lies in

    def permission(self, operation: str) -> str:
        return f"{self.permissions}.{operation}"

    @property
    def service(self) -> tuple[str, str]:
        """The API's address and its name for people."""
        return SERVICES[self.permissions.partition(".")[0]]


def refused(status: int, doing: str, text: str, reason: str) -> CloudFault:
    """An error as the provider prints it: "Error creating instance: googleapi: Error 409: …, alreadyExists"."""
    return CloudFault(status, reason, f"Error {doing}: googleapi: Error {status}: {text}, {reason}")


def canonical(reference: str, place: str, scope: dict[str, str]) -> str:
    """The id behind a reference, which may be a link, an id or a bare name."""
    short = reference.removeprefix(LINK).removeprefix("https://compute.googleapis.com/compute/v1/")
    return short if short.startswith("projects/") else place.format_map({**scope, "name": short})


def scope_of(id_: str) -> dict[str, str]:
    """{"project": "p", "zone": "europe-west1-b", "region": "europe-west1"} of "projects/p/zones/europe-west1-b/…"."""
    parts = id_.split("/")
    found = {name.rstrip("s"): value for name, value in zip(parts[::2], parts[1::2], strict=False)}
    if "zone" in found:
        found["region"] = found["zone"].rpartition("-")[0]
    return found


def fingerprint(value: Any) -> str:
    """As short as Google's; changes with the value."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:11] + "="


def link(id_: str) -> str:
    return LINK + id_


def kept(before: Object | None, name: str, make: Callable[[], Any]) -> Any:
    """A value that an object has for life."""
    return before.attributes[name] if before else make()


def number_of(id_: str) -> str:
    """A 19-digit number, as Google gives each object."""
    return str(10**18 + int(hashlib.sha256(id_.encode()).hexdigest()[:15], 16))
