"""Networks: addresses come from the subnet, public ones from one range."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any

from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

from .kinds import Attributes, Kind

PUBLIC = ipaddress.ip_network("20.50.0.0/16")
RESERVED = 4  # Azure keeps the first addresses of a subnet: .0 to .3


def public_ip(store: Store, _id: str, _attributes: Attributes, before: Object | None) -> Attributes:
    address = before.attributes["ip_address"] if before else str(PUBLIC[store.counter("public_ip") % 65000 + 10])
    return {"ip_address": address, "fqdn": None}


def network(_store: Store, _id: str, _attributes: Attributes, before: Object | None) -> Attributes:
    return {"guid": before.attributes["guid"] if before else str(uuid.uuid4())}


def interface(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    """The private address of each configuration, kept over changes."""
    held = [each["private_ip_address"] for each in (before.attributes["ip_configuration"] if before else [])]
    configurations = []
    for position, given in enumerate(attributes["ip_configuration"]):
        kept = held[position] if position < len(held) else None
        address = given.get("private_ip_address") or kept or _next_address(store, given["subnet_id"])
        configurations.append({**given, "private_ip_address": address, "primary": True})
    addresses = [each["private_ip_address"] for each in configurations]
    mark = uuid.uuid5(uuid.NAMESPACE_URL, id_).hex[:6].upper()
    return {
        "ip_configuration": configurations,
        "private_ip_address": addresses[0],
        "private_ip_addresses": addresses,
        "mac_address": f"00-0D-3A-{mark[:2]}-{mark[2:4]}-{mark[4:]}",
        "internal_domain_name_suffix": "internal.cloudapp.net",
        "virtual_machine_id": before.attributes.get("virtual_machine_id") if before else None,
        "applied_dns_servers": [],
    }


def _next_address(store: Store, subnet_id: str) -> str:
    subnet = store.get("azurerm_subnet", subnet_id)
    if subnet is None:
        raise CloudFault(404, "InvalidResourceReference", f"InvalidResourceReference: {subnet_id} was not found.")
    block = ipaddress.ip_network(subnet.attributes["address_prefixes"][0])
    taken = {
        configuration["private_ip_address"]
        for each in store.find("azurerm_network_interface")
        for configuration in each.attributes["ip_configuration"]
        if configuration["subnet_id"].lower() == subnet_id.lower()
    }
    return next(str(host) for host in list(block.hosts())[RESERVED - 1 :] if str(host) not in taken)


def users_of(store: Store, thing: Object) -> list[str]:
    """Ids of what uses a network object and keeps it from being deleted."""
    others = (each for each in store.find(scope=thing.scope) if each.id != thing.id)
    return [each.id for each in others if thing.id.lower() in _references(each)]


def _references(thing: Object) -> set[str]:
    values: list[Any] = []
    for each in thing.attributes.get("ip_configuration") or []:
        values += [each.get("subnet_id"), each.get("public_ip_address_id")]
    for pool in thing.attributes.get("default_node_pool") or []:
        values.append(pool.get("vnet_subnet_id"))
    values += [
        thing.attributes.get("network_security_group_id"),
        *(thing.attributes.get("network_interface_ids") or []),
    ]
    values.append(thing.attributes.get("uses"))  # of a planted leftover
    return {str(value).lower() for value in values if value}


KINDS = {
    "azurerm_virtual_network": Kind("Microsoft.Network/virtualNetworks", compute=network),
    "azurerm_subnet": Kind(
        "Microsoft.Network/virtualNetworks/subnets",
        "{group}/providers/Microsoft.Network/virtualNetworks/{virtual_network_name}/subnets/{name}",
    ),
    "azurerm_network_security_group": Kind("Microsoft.Network/networkSecurityGroups"),
    "azurerm_public_ip": Kind("Microsoft.Network/publicIPAddresses", compute=public_ip),
    "azurerm_network_interface": Kind("Microsoft.Network/networkInterfaces", compute=interface),
    "azurerm_network_interface_security_group_association": Kind(
        "Microsoft.Network/networkInterfaces", "{network_interface_id}|{network_security_group_id}", has_group=False
    ),
}
