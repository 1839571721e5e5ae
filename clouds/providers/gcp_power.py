"""Stopping and starting Compute Engine instances. A stopped one keeps its disks and costs no machine.

Source: Google, Compute Engine API v1, instances: stop, start, get.
"""

from __future__ import annotations

from .gcp_sdk import Cloud

STATES = {"RUNNING": True, "TERMINATED": False}  # Google's word for a stopped one


def switch(cloud: Cloud, instance_id: str, *, is_on: bool) -> None:
    """``instance_id`` is "projects/p/zones/z/instances/i". It ends some time later. Raises a ``CloudError``."""
    cloud.post("compute", f"/compute/v1/{instance_id}/{'start' if is_on else 'stop'}", {})


def is_on(cloud: Cloud, instance_id: str) -> bool | None:
    """None while it changes. Raises a ``CloudError``."""
    return STATES.get(str(cloud.get("compute", f"/compute/v1/{instance_id}").get("status")))
