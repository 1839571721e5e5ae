"""Stopping and starting instances: a stopped one loses the address that lasts only as long as it runs.

Source: Google, Compute Engine API v1, instances: stop, start.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.simulated.cloud import Caller
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

ACTION = re.compile(r"(?P<id>projects/[^/]+/zones/[^/]+/instances/[^/]+)/(?P<action>start|stop)")


def switch(store: Store, caller: Caller, id_: str, action: str) -> Object:
    """Raises ``CloudFault``."""
    asked = f"compute.instances.{action}"
    if asked in caller.denied:
        raise CloudFault(403, "forbidden", f"Required '{asked}' permission for '{id_}'")
    machine = store.get("google_compute_instance", id_)
    if machine is None or machine.scope != caller.scope:
        raise CloudFault(404, "notFound", f"The resource '{id_}' was not found")
    status = "RUNNING" if action == "start" else "TERMINATED"
    interfaces = [_interface(store, each, is_on=action == "start") for each in machine.attributes["network_interface"]]
    changed = {**machine.attributes, "current_status": status, "network_interface": interfaces}
    return store.change(machine, attributes=changed)


def _interface(store: Store, interface: dict[str, Any], *, is_on: bool) -> dict[str, Any]:
    reserved = {each.attributes["address"] for each in store.find("google_compute_address")}
    access = [
        each if each["nat_ip"] in reserved else {**each, "nat_ip": _fresh(store) if is_on else ""}
        for each in interface.get("access_config") or []
    ]
    return {**interface, "access_config": access}


def _fresh(store: Store) -> str:
    return f"35.187.{store.counter('nat') % 256}.9"
