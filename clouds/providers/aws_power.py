"""Stopping and starting EC2 instances. A stopped one costs its volumes, and its address only if that is reserved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Clients = Callable[[str], Any]  # service name -> boto3 client
STATES = {"running": True, "stopped": False}


def switch(clients: Clients, instance_id: str, *, is_on: bool) -> None:
    """Raises boto3's ``ClientError``."""
    ec2 = clients("ec2")
    (ec2.start_instances if is_on else ec2.stop_instances)(InstanceIds=[instance_id])


def is_on(clients: Clients, instance_id: str) -> bool | None:
    """None while it changes. Raises boto3's ``ClientError``, also for one that is not there."""
    answer = clients("ec2").describe_instances(InstanceIds=[instance_id])
    state = answer["Reservations"][0]["Instances"][0]["State"]["Name"]
    return STATES.get(state)
