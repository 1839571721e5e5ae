"""Stopping and starting virtual machines. Whether one runs is no attribute of its Terraform type: a setting keeps it.

Source: Azure REST API reference, Virtual Machines: Deallocate, Start, Instance View.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.simulated.cloud import Caller
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

ACTION = re.compile(r"(?P<id>/subscriptions/.+/virtualMachines/[^/]+)/(?P<action>start|deallocate)", re.IGNORECASE)
VIEW = re.compile(r"(?P<id>/subscriptions/.+/virtualMachines/[^/]+)/instanceView", re.IGNORECASE)
SHOWN = {"start": ("running", "VM running"), "deallocate": ("deallocated", "VM deallocated")}


def switch(store: Store, caller: Caller, id_: str, action: str) -> None:
    """Raises ``CloudFault``."""
    asked = f"Microsoft.Compute/virtualMachines/{action.lower()}/action"
    if asked in caller.denied:
        raise CloudFault(403, "AuthorizationFailed", f"The client has no authorization to perform action '{asked}'.")
    store.set_setting(_name(_machine(store, caller, id_)), action.lower())


def view(store: Store, caller: Caller, id_: str) -> dict[str, Any]:
    """Raises ``CloudFault``."""
    code, words = SHOWN[store.setting(_name(_machine(store, caller, id_)), "start")]
    return {
        "statuses": [
            {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"},
            {"code": f"PowerState/{code}", "level": "Info", "displayStatus": words},
        ]
    }


def _name(machine: Object) -> str:
    return f"power:{machine.id.lower()}"


def _machine(store: Store, caller: Caller, id_: str) -> Object:
    found = store.get("azurerm_linux_virtual_machine", id_)
    if found is None or found.scope != caller.scope:
        raise CloudFault(404, "ResourceNotFound", f"The Resource '{id_}' was not found.")
    return found
