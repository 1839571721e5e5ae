"""Stopping and starting virtual machines: deallocated, since one that is only switched off is billed on.

Source: Azure REST API reference, Virtual Machines: Deallocate, Start, Instance View.
"""

from __future__ import annotations

from .azure_sdk import Cloud

VERSION = "2024-07-01"
STATES = {"PowerState/running": True, "PowerState/deallocated": False}


def switch(cloud: Cloud, machine_id: str, *, is_on: bool) -> None:
    """Ask for it; it ends some time later. Raises a ``CloudError``."""
    cloud.post(f"{machine_id}/{'start' if is_on else 'deallocate'}", VERSION)


def is_on(cloud: Cloud, machine_id: str) -> bool | None:
    """None while it changes. Raises a ``CloudError``."""
    view = cloud.get(f"{machine_id}/instanceView", VERSION)
    codes = [str(each.get("code")) for each in view.get("statuses", [])]
    return next((STATES[code] for code in codes if code in STATES), None)
