"""Networks: addresses come from the subnetwork, public ones from one range."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from sandbox.simulated.store import Object, Store

from .kinds import GLOBAL, REGIONAL, Attributes, Kind, canonical, fingerprint, kept, link, number_of, refused, scope_of

PUBLIC = ipaddress.ip_network("34.76.0.0/16")
NETWORK, SUBNETWORK = f"{GLOBAL}/networks/{{name}}", f"{REGIONAL}/subnetworks/{{name}}"
ROUTER, ADDRESS = f"{REGIONAL}/routers/{{name}}", f"{REGIONAL}/addresses/{{name}}"
RESERVED = 2  # Google keeps the first address of a subnetwork for its gateway, and the network's own


def network(_store: Store, id_: str, attributes: Attributes, _before: Object | None) -> Attributes:
    return {
        "self_link": link(id_),
        "numeric_id": number_of(id_),
        "network_id": int(number_of(id_)),
        "gateway_ipv4": "",
        "mtu": attributes.get("mtu") or 0,
        "routing_mode": attributes.get("routing_mode") or "REGIONAL",
    }


def subnetwork(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    needed(store, "google_compute_network", canonical(attributes["network"], NETWORK, scope_of(id_)), "Subnetwork")
    block = ipaddress.ip_network(attributes["ip_cidr_range"])
    return {
        "self_link": link(id_),
        "creation_timestamp": kept(before, "creation_timestamp", lambda: "2026-11-24T00:00:00.000-08:00"),
        "gateway_address": str(block[1]),
        "subnetwork_id": int(number_of(id_)),
        "purpose": attributes.get("purpose") or "PRIVATE",
        "stack_type": attributes.get("stack_type") or "IPV4_ONLY",
        "private_ip_google_access": bool(attributes.get("private_ip_google_access")),
        "private_ipv6_google_access": "DISABLE_GOOGLE_ACCESS",
        "enable_flow_logs": bool(attributes.get("log_config")),
        "fingerprint": fingerprint(attributes),
    }


def firewall(store: Store, id_: str, attributes: Attributes, _before: Object | None) -> Attributes:
    needed(store, "google_compute_network", canonical(attributes["network"], NETWORK, scope_of(id_)), "Firewall")
    return {
        "self_link": link(id_),
        "creation_timestamp": "2026-11-24T00:00:00.000-08:00",
        "direction": attributes.get("direction") or "INGRESS",
        "destination_ranges": attributes.get("destination_ranges") or [],
        "enable_logging": bool(attributes.get("log_config")),
    }


def address(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    def next_one() -> str:
        return str(PUBLIC[store.counter("public_ip") % 65000 + 10])

    return {
        "self_link": link(id_),
        "creation_timestamp": "2026-11-24T00:00:00.000-08:00",
        "address": attributes.get("address") or kept(before, "address", next_one),
        "network_tier": attributes.get("network_tier") or "PREMIUM",
        "prefix_length": 0,
        "purpose": attributes.get("purpose") or "",
        "subnetwork": attributes.get("subnetwork") or "",
        "users": [],
        "label_fingerprint": fingerprint(attributes.get("effective_labels")),
    }


def router(store: Store, id_: str, attributes: Attributes, _before: Object | None) -> Attributes:
    needed(store, "google_compute_network", canonical(attributes["network"], NETWORK, scope_of(id_)), "Router")
    return {"self_link": link(id_), "creation_timestamp": "2026-11-24T00:00:00.000-08:00"}


def nat(store: Store, id_: str, attributes: Attributes, _before: Object | None) -> Attributes:
    needed(store, "google_compute_router", router_of(id_), "RouterNat")
    return {
        "auto_network_tier": attributes.get("auto_network_tier") or "PREMIUM",
        "drain_nat_ips": attributes.get("drain_nat_ips") or [],
        "enable_dynamic_port_allocation": bool(attributes.get("enable_dynamic_port_allocation")),
        "enable_endpoint_independent_mapping": bool(attributes.get("enable_endpoint_independent_mapping")),
        "endpoint_types": attributes.get("endpoint_types") or ["ENDPOINT_TYPE_VM"],
        "min_ports_per_vm": attributes.get("min_ports_per_vm") or 0,
        "nat_ips": attributes.get("nat_ips") or [],
    }


def router_of(nat_id: str) -> str:
    project, region, name, _ = nat_id.split("/")
    return ROUTER.format(project=project, region=region, name=name.rpartition("/")[2])


def needed(store: Store, type_: str, id_: str, noun: str) -> Object:
    """The object with this id; else what Google says when a reference leads nowhere."""
    found = store.get(type_, id_)
    if found is None:
        raise refused(404, f"creating {noun}", f"The resource '{id_}' was not found", "notFound")
    return found


def next_address(store: Store, subnet: Object) -> str:
    """A free private address of a subnetwork."""
    block = ipaddress.ip_network(subnet.attributes["ip_cidr_range"])
    taken = {
        interface.get("network_ip")
        for each in store.find("google_compute_instance", scope=subnet.scope)
        for interface in each.attributes.get("network_interface") or []
    }
    return next(str(host) for host in list(block.hosts())[RESERVED - 1 :] if str(host) not in taken)


def references(thing: Object) -> Iterator[str]:
    """Ids of the network objects that ``thing`` holds on to."""
    scope, attributes = scope_of(thing.id), thing.attributes
    if "location" in scope:  # a cluster: of a zone or a region
        place = scope["location"]
        scope["region"] = place.rpartition("-")[0] if place.count("-") > 1 else place
    yield from _named(attributes, scope)
    for interface in attributes.get("network_interface") or []:
        yield from _named(interface, scope)
        yield from (f"address:{each.get('nat_ip')}" for each in interface.get("access_config") or [])
    for disk in [*(attributes.get("boot_disk") or []), *(attributes.get("attached_disk") or [])]:
        if disk.get("source"):
            yield canonical(disk["source"], "projects/{project}/zones/{zone}/disks/{name}", scope)
    yield from attributes.get("uses") or []  # of a planted leftover


def _named(attributes: dict[str, Any], scope: dict[str, str]) -> Iterator[str]:
    for name, place in (("network", NETWORK), ("subnetwork", SUBNETWORK)):
        if attributes.get(name):
            yield canonical(attributes[name], place, scope)


KINDS = {
    "google_compute_network": Kind("Network", "compute.networks", NETWORK, network),
    "google_compute_subnetwork": Kind("Subnetwork", "compute.subnetworks", SUBNETWORK, subnetwork),
    "google_compute_firewall": Kind("Firewall", "compute.firewalls", f"{GLOBAL}/firewalls/{{name}}", firewall),
    "google_compute_address": Kind("Address", "compute.addresses", ADDRESS, address),
    "google_compute_router": Kind("Router", "compute.routers", ROUTER, router),
    "google_compute_router_nat": Kind(
        "RouterNat", "compute.routers", "{project}/{region}/{router}/{name}", nat, parent=router_of
    ),
}
