"""Virtual machines: images and sizes that exist, cores that are left."""

from __future__ import annotations

import re
import uuid
from typing import Any

from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

from .kinds import Attributes, Kind

CORES = {"Standard_B1s": 1, "Standard_B1ms": 1}  # the others carry the number in their name
FAMILIES = re.compile(r"Standard_[A-Z]+(\d+)[a-z]*(_v\d)?")
IMAGES = {
    ("canonical", "ubuntu-24_04-lts"),
    ("canonical", "0001-com-ubuntu-server-jammy"),
    ("canonical", "ubuntu-22_04-lts"),
    ("debian", "debian-12"),
}
ARM = re.compile(r"Standard_[A-Z]+\d+[a-z]*p[a-z]*_v\d+")


def machine(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    _check_size(store, id_, attributes)
    if before is None:
        _check_image(attributes)
    interfaces = [store.by_id(each) for each in attributes["network_interface_ids"]]
    if missing := [
        name for name, each in zip(attributes["network_interface_ids"], interfaces, strict=True) if not each
    ]:
        raise CloudFault(404, "NotFound", f"InvalidResourceReference: Resource {missing[0]} was not found.")
    addresses = [_addresses(store, each) for each in interfaces if each]
    disk = dict(attributes["os_disk"][0])
    disk["name"] = disk.get("name") or f"{attributes['name']}_OsDisk_1_{uuid.uuid5(uuid.NAMESPACE_URL, id_).hex}"
    disk["id"] = f"{id_.rpartition('/providers/')[0]}/providers/Microsoft.Compute/disks/{disk['name']}"
    return {
        "os_disk": [disk],
        "os_managed_disk_id": disk["id"],
        "computer_name": attributes.get("computer_name") or attributes["name"],
        "virtual_machine_id": before.attributes["virtual_machine_id"] if before else str(uuid.uuid4()),
        "private_ip_address": addresses[0][0],
        "private_ip_addresses": [private for private, _ in addresses],
        "public_ip_address": addresses[0][1],
        "public_ip_addresses": [public for _, public in addresses if public],
        "disk_controller_type": "SCSI",
    }


def _addresses(store: Store, interface: Object) -> tuple[str, str | None]:
    first = interface.attributes["ip_configuration"][0]
    public = store.by_id(first.get("public_ip_address_id") or "")
    return first["private_ip_address"], public.attributes["ip_address"] if public else None


def cores_of(size: str) -> int:
    """Raises ``CloudFault`` for a size there is not."""
    found = FAMILIES.fullmatch(size)
    if found is None:
        raise CloudFault(
            400, "InvalidParameter", f"InvalidParameter: The value {size} provided for the VM size is not valid."
        )
    return CORES.get(size, int(found.group(1)))


def _check_size(store: Store, id_: str, attributes: Attributes) -> None:
    wanted = cores_of(attributes["size"])
    limit = store.setting("quota")
    if limit is None:
        return
    used = sum(
        cores_of(each.attributes["size"])
        for each in store.find("azurerm_linux_virtual_machine")
        if each.id.lower() != id_.lower()
    )
    if used + wanted > limit:
        place = attributes["location"].upper()
        raise CloudFault(
            409, "OperationNotAllowed", "unexpected status 409 (409 Conflict) with error: OperationNotAllowed: "
            "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. "
            f"Location: {place}, Current Limit: {limit}, Current Usage: {used}, Additional Required: {wanted}.",
        )  # fmt: skip


def _check_image(attributes: Attributes) -> None:
    image: dict[str, Any] = (attributes["source_image_reference"] or [{}])[0]
    publisher, offer, sku = (str(image.get(key, "")) for key in ("publisher", "offer", "sku"))
    if (publisher.lower(), offer.lower()) not in IMAGES or ("arm64" in sku) != bool(ARM.fullmatch(attributes["size"])):
        raise CloudFault(
            404, "PlatformImageNotFound", "unexpected status 404 with error: PlatformImageNotFound: The platform image "
            f"'{publisher}:{offer}:{sku}:{image.get('version')}' is not available for this size.",
        )  # fmt: skip


KINDS = {"azurerm_linux_virtual_machine": Kind("Microsoft.Compute/virtualMachines", compute=machine)}
