"""Compute instances and disks: types and images that exist, cores that are left."""

from __future__ import annotations

import re
from typing import Any

from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

from .kinds import ZONAL, Attributes, Kind, canonical, fingerprint, link, number_of, refused, scope_of
from .network import ADDRESS, NETWORK, SUBNETWORK, needed, next_address

ZONE = re.compile(r"[a-z]+-[a-z]+\d+-[a-f]")
SHARED = {"e2-micro": 2, "e2-small": 2, "e2-medium": 2, "f1-micro": 1, "g1-small": 1}  # vCPU, not in their names
TYPES = re.compile(r"(e2|n1|n2|n2d|n4|c3|c4|c4a|t2a|t2d|m3)-(standard|highmem|highcpu)-(\d+)")
ARM = re.compile(r"(t2a|c4a)-.+")
IMAGES = re.compile(
    r"(.*projects/)?(?P<project>[a-z-]+)/(global/images/family/)?"
    r"(?P<family>ubuntu-2404-lts-(amd64|arm64)|ubuntu-2204-lts(-arm64)?|debian-12(-arm64)?)"
)
PROJECTS = {"ubuntu": "ubuntu-os-cloud", "debian": "debian-cloud"}
STOPPING = "Changing the machine_type, min_cpu_platform, service_account, enable_display, shielded_instance_config, or"


def instance(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    _check_type(store, id_, attributes)
    _check_stop(attributes, before)
    is_stopped = attributes.get("desired_status") in {"TERMINATED", "SUSPENDED"}
    return {
        "self_link": link(id_),
        "instance_id": number_of(id_),
        "creation_timestamp": "2026-11-24T00:00:00.000-08:00",
        "cpu_platform": "Ampere Altra" if ARM.fullmatch(attributes["machine_type"]) else "Intel Broadwell",
        "min_cpu_platform": attributes.get("min_cpu_platform") or "",
        "current_status": attributes["desired_status"] if is_stopped else "RUNNING",
        "label_fingerprint": fingerprint(attributes.get("effective_labels")),
        "metadata_fingerprint": fingerprint(attributes.get("metadata")),
        "tags_fingerprint": fingerprint(attributes.get("tags")),
        "boot_disk": [_boot_disk(store, id_, attributes, before)],
        "network_interface": _interfaces(store, id_, attributes, before),
        "scheduling": [_scheduling(attributes)],
        "shielded_instance_config": attributes.get("shielded_instance_config")
        or [{"enable_integrity_monitoring": True, "enable_secure_boot": False, "enable_vtpm": True}],
        "service_account": attributes.get("service_account") or [],
    }


def cores_of(machine_type: str) -> int:
    """VCPU. Raises ``CloudFault`` for a type there is not."""
    name = machine_type.rpartition("/")[2]
    found = TYPES.fullmatch(name)
    if found is None and name not in SHARED:
        text = f"Invalid value for field 'resource.machineType': '{name}'. The referenced resource does not exist."
        raise refused(400, "creating instance", text, "invalid")
    return int(found[3]) if found else SHARED[name]


def _check_type(store: Store, id_: str, attributes: Attributes) -> None:
    scope = scope_of(id_)
    if not ZONE.fullmatch(scope["zone"]):
        text = f"Invalid value for field 'zone': '{scope['zone']}'. Unknown zone."
        raise refused(400, "creating instance", text, "invalid")
    check_quota(store, id_, cores_of(attributes["machine_type"]), scope["region"])


def check_quota(store: Store, id_: str, wanted: int, region: str) -> None:
    """Raises ``CloudFault`` where ``wanted`` more vCPU would be more than the quota."""
    limit = store.setting("quota")
    if limit is None:
        return
    others = [each for each in store.find("google_compute_instance") if each.id != id_]
    used = sum(cores_of(each.attributes["machine_type"]) for each in others)
    if used + wanted > limit:
        text = f"Quota 'CPUS' exceeded.  Limit: {float(limit)} in region {region}."
        raise refused(403, "creating instance", text, "quotaExceeded")


def _check_stop(attributes: Attributes, before: Object | None) -> None:
    """A machine that runs is stopped for some changes, and only with leave."""
    names = ("machine_type", "shielded_instance_config", "service_account")
    changed = before and [name for name in names if attributes.get(name) != before.attributes.get(name)]
    if changed and not attributes.get("allow_stopping_for_update"):
        raise CloudFault(
            400,
            "invalid",
            f"{STOPPING} network_interface on a started instance requires stopping it. To acknowledge this, please "
            "set allow_stopping_for_update = true in your config.",
        )


def _boot_disk(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    given = dict(attributes["boot_disk"][0])
    held = before.attributes["boot_disk"][0] if before else {}
    scope = scope_of(id_)
    if given.get("source") and not held:
        needed(store, "google_compute_disk", canonical(given["source"], DISK, scope), "instance")
    wanted = dict((given.get("initialize_params") or [{}])[0])
    if not given.get("source") and not held:
        check_image(wanted.get("image"), attributes["machine_type"])
    name = id_.rpartition("/")[2]
    return {
        **given,
        "device_name": given.get("device_name") or "persistent-disk-0",
        "source": given.get("source") or link(DISK.format(**scope, name=name)),
        "disk_encryption_key_sha256": "",
        "kms_key_self_link": given.get("kms_key_self_link") or "",
        "initialize_params": [
            {
                **wanted,
                "size": wanted.get("size") or 10,
                "type": wanted.get("type") or "pd-standard",
                "image": wanted.get("image") or "",
                "labels": wanted.get("labels") or {},
            }
        ],
    }


def check_image(image: Any, machine_type: str = "") -> None:
    """Raises ``CloudFault`` for an image there is not, or of another architecture."""
    found = IMAGES.fullmatch(str(image or ""))
    is_there = found and PROJECTS[found["family"].partition("-")[0]] == found["project"]
    if not is_there:
        raise CloudFault(
            404, "notFound", f"Error resolving image name '{image}': Could not find image or family {image}"
        )
    assert found is not None
    if machine_type and ("arm64" in found["family"]) != bool(ARM.fullmatch(machine_type)):
        text = f"The selected machine type ({machine_type}) has an incompatible CPU architecture for image {image}"
        raise refused(400, "creating instance", text, "invalid")


def _interfaces(store: Store, id_: str, attributes: Attributes, before: Object | None) -> list[Attributes]:
    held = before.attributes["network_interface"] if before else []
    made = []
    for position, given in enumerate(attributes["network_interface"]):
        subnet = needed(
            store,
            "google_compute_subnetwork",
            canonical(given.get("subnetwork") or "", SUBNETWORK, scope_of(id_)),
            "instance",
        )
        before_it = held[position] if position < len(held) else {}
        network_id = canonical(subnet.attributes["network"], NETWORK, scope_of(subnet.id))
        made.append(
            {
                **given,
                "name": f"nic{position}",
                "network": given.get("network") or link(network_id),
                "subnetwork_project": subnet.scope,
                "network_ip": given.get("network_ip") or before_it.get("network_ip") or next_address(store, subnet),
                "stack_type": given.get("stack_type") or "IPV4_ONLY",
                "internal_ipv6_prefix_length": 0,
                "ipv6_address": "",
                "ipv6_access_type": "",
                "access_config": [_access(store, id_, each) for each in given.get("access_config") or []],
            }
        )
    return made


def _access(store: Store, id_: str, given: Attributes) -> Attributes:
    """The public address of an interface: a reserved one, or one that lasts as long as the machine runs."""
    address = given.get("nat_ip") or ""
    reserved = store.get("google_compute_address", canonical(address, ADDRESS, scope_of(id_))) if address else None
    return {
        **given,
        "nat_ip": reserved.attributes["address"] if reserved else address or f"35.187.{store.counter('nat') % 256}.9",
        "network_tier": given.get("network_tier") or "PREMIUM",
    }


def _scheduling(attributes: Attributes) -> Attributes:
    given = dict((attributes.get("scheduling") or [{}])[0])
    model = given.get("provisioning_model") or "STANDARD"
    return {
        **given,
        "on_host_maintenance": given.get("on_host_maintenance") or "MIGRATE",
        "automatic_restart": given.get("automatic_restart") is not False,
        "preemptible": bool(given.get("preemptible")),
        "provisioning_model": model,
        "instance_termination_action": given.get("instance_termination_action") or "",
    }


def disk(_store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    if before is None and attributes.get("image"):
        check_image(attributes["image"])
    size = attributes.get("size") or 10
    if before and size < before.attributes["size"]:
        text = "Invalid value for field 'sizeGb': a disk cannot become smaller."
        raise refused(400, "updating Disk", text, "invalid")
    return {
        "self_link": link(id_),
        "creation_timestamp": "2026-11-24T00:00:00.000-08:00",
        "disk_id": number_of(id_),
        "size": size,
        "type": attributes.get("type") or "pd-standard",
        "physical_block_size_bytes": attributes.get("physical_block_size_bytes") or 4096,
        "provisioned_iops": attributes.get("provisioned_iops") or 0,
        "provisioned_throughput": attributes.get("provisioned_throughput") or 0,
        "access_mode": attributes.get("access_mode") or "READ_WRITE_SINGLE",
        "licenses": attributes.get("licenses") or [],
        "source_image_id": "",
        "source_snapshot_id": "",
        "source_disk_id": "",
        "source_instant_snapshot_id": "",
        "last_attach_timestamp": "",
        "last_detach_timestamp": "",
        "users": [],
        "label_fingerprint": fingerprint(attributes.get("effective_labels")),
        "enable_confidential_compute": bool(attributes.get("enable_confidential_compute")),
    }


DISK = f"{ZONAL}/disks/{{name}}"
KINDS = {
    "google_compute_instance": Kind("instance", "compute.instances", f"{ZONAL}/instances/{{name}}", instance),
    "google_compute_disk": Kind("Disk", "compute.disks", DISK, disk),
}
