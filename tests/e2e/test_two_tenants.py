"""Two tenants' runs on one cloud at once: neither's process, folder or cloud objects show anything of the other's."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config

from tests.e2e.stack import Stack
from tests.e2e.tenants import CALLS, Tenant, connect, register

ENDED = {"succeeded", "failed", "canceled", "lost"}
HELD = 6  # seconds for which both buckets are in the making, so that the runs meet


def order(tenant: Tenant, provider: str) -> dict[str, Any]:
    account = tenant.api.get("/cloud-accounts", params={"provider": provider}).json()["results"][0]["id"]
    inputs = {"region": CALLS[provider][0]}
    body = {"name": f"own-{provider}", "offering": f"{provider}/bucket", "cloud_account": account, "inputs": inputs}
    answer = tenant.api.post("/resources", json=body)
    assert answer.status_code == 202, answer.text
    ordered: dict[str, Any] = answer.json()
    return ordered


def holders(canaries: list[str]) -> dict[int, set[str]]:
    """Which processes have which canaries in their environment; nobody's argument list has one."""
    found: dict[int, set[str]] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            assert not any(canary in " ".join(process.cmdline()) for canary in canaries)
            environment = "\n".join(process.environ().values())
            held = {canary for canary in canaries if canary in environment}
            if held and process.pid != os.getpid():
                found[process.pid] = held
    return found


def folder_holds(stack: Stack, run: str, needle: str) -> bool:
    """Whether anything in the run's folder holds ``needle``; files come and go while it works."""
    for path in (stack.data / "runner" / "runs" / run).rglob("*"):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink() and needle.encode() in path.read_bytes():
                return True
    return False


def run_ended(tenant: Tenant, run: str) -> bool:
    return tenant.api.get(f"/runs/{run}").json()["status"] in ENDED


def objects_of(stack: Stack, provider: str, tenant: Tenant, resource: str) -> list[str]:
    """The ids of the resource's objects that ``tenant`` finds in its own account."""
    if provider != "aws":
        return [each["id"] for each in stack.listed(provider, resource) if each["scope"] == tenant.scope]
    s3 = boto3.client(
        "s3",
        endpoint_url=stack.demo["sandbox"]["aws"]["endpoint_url"],
        aws_access_key_id=tenant.keys["access_key_id"],
        aws_secret_access_key=tenant.keys["secret_access_key"],
        region_name="eu-west-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    return [bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if resource[:8] in bucket["Name"]]


@pytest.fixture(scope="module")
def tokens(stack: Stack) -> list[str]:
    return [register(stack), register(stack)]


@pytest.mark.parametrize("provider", CALLS)
def test_two_tenants_at_once_see_nothing_of_each_other(stack: Stack, tokens: list[str], provider: str) -> None:
    tenants = [connect(stack, provider, token) for token in tokens]
    canaries = [tenant.canary for tenant in tenants]
    _, type_, operation = CALLS[provider]
    hang = {"type": type_, "operation": operation, "action": "hang", "seconds": HELD, "times": 2}
    stack.control(provider, "POST", "faults", hang)
    orders = [order(tenant, provider) for tenant in tenants]
    runs = [str(each["run"]["id"]) for each in orders]

    seen: list[set[str]] = []
    have_met = False
    while not all(run_ended(tenant, run) for tenant, run in zip(tenants, runs, strict=True)):
        held = list(holders(canaries).values())
        seen += held
        have_met |= {canary for each in held for canary in each} == set(canaries)
        for run, other in zip(runs, reversed(canaries), strict=True):
            assert not folder_holds(stack, run, other)

    assert have_met, "the two runs were never at work together"
    assert {len(each) for each in seen} == {1}
    for tenant, other, ordered, run in zip(tenants, reversed(tenants), orders, runs, strict=True):
        ended = tenant.api.get(f"/runs/{run}").json()
        assert (ended["status"], ended["error"]) == ("succeeded", None)
        text = tenant.api.get(f"/runs/{run}/events", params={"limit": 1000}).text
        assert not any(canary in text for canary in canaries)
        assert other.api.get(f"/runs/{run}").status_code == 404
        assert objects_of(stack, provider, tenant, ordered["id"]) != []
        assert objects_of(stack, provider, other, ordered["id"]) == []
    gone = [tenant.api.delete(f"/resources/{each['id']}").json() for tenant, each in zip(tenants, orders, strict=True)]
    for tenant, each in zip(tenants, gone, strict=True):
        assert stack.wait_for_run(tenant.api, each["run"]["id"])["error"] is None
        assert objects_of(stack, provider, tenant, each["id"]) == []
    assert all(nothing_holds(stack.data, canary) for canary in canaries)


def nothing_holds(folder: Path, canary: str) -> bool:
    """Not the logs, not the database's files, not a run's folder left over. What the clouds keep is theirs."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    files = [path for path in files if folder / "sandbox" not in path.parents]
    return not any(canary.encode() in path.read_bytes() for path in files if path.stat().st_size < 200_000_000)
