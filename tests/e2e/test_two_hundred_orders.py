"""Two hundred people press Create at once, with credit for ten."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.e2e.stack import Stack
from tests.e2e.tenants import Tenant, connect, register

ORDERS, AFFORDABLE = 200, 10
HOLD_DAYS = 30  # what an order reserves
INPUTS = {"region": "eu-west-1", "size": "micro"}
HAVE = """
from decimal import Decimal
from accounts.actors import system_actor
from accounts.credentials import digest_of
from accounts.models import ApiToken
from billing import services
organization = ApiToken.objects.get(digest=digest_of("{token}")).organization
lacking = Decimal("{credit}") - services.account_of(organization).available
services.top_up(organization=organization, amount=lacking, reference="e2e", actor=system_actor(organization))
"""


@contextmanager
def paused_worker(stack: Stack) -> Iterator[None]:
    """Nobody works the queue, so that the orders are all there is."""
    worker = stack.demo["pids"]["worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


@pytest.fixture(scope="module")
def tenant(stack: Stack) -> Tenant:
    """A new tenant with an account on AWS and the credit that ten and a half small machines reserve."""
    token = register(stack)
    tenant = connect(stack, "aws", token)
    wanted = {name: order_body(tenant)[name] for name in ("offering", "cloud_account", "inputs")}
    one = Decimal(tenant.api.post("/estimates", json=wanted).json()["hourly"]) * 24 * HOLD_DAYS
    stack.manage("shell", "-c", HAVE.format(token=token, credit=one * AFFORDABLE + one / 2))
    return tenant


def order_body(tenant: Tenant, number: int = 0) -> dict[str, Any]:
    account = tenant.api.get("/cloud-accounts").json()["results"][0]["id"]
    return {"name": f"rush-{number:03}", "offering": "aws/vm", "cloud_account": account, "inputs": INPUTS}


async def order_all(tenant: Tenant) -> list[httpx.Response]:
    """All orders at once, each on a connection of its own."""
    body, limits = order_body(tenant), httpx.Limits(max_connections=ORDERS)
    address, headers = tenant.api.base_url, tenant.api.headers
    async with httpx.AsyncClient(
        base_url=address, headers=headers, limits=limits, timeout=240, trust_env=False
    ) as client:
        orders = (client.post("/resources", json={**body, "name": f"rush-{number:03}"}) for number in range(ORDERS))
        return list(await asyncio.gather(*orders))


def test_of_two_hundred_orders_at_once_with_credit_for_ten_exactly_ten_are_taken(stack: Stack, tenant: Tenant) -> None:
    with paused_worker(stack):
        with ThreadPoolExecutor(1) as thread:  # the browser's event loop has the main one
            answers = thread.submit(lambda: asyncio.run(order_all(tenant))).result()
        assert Counter(answer.status_code for answer in answers) == {202: AFFORDABLE, 402: ORDERS - AFFORDABLE}
        refused = [answer.json() for answer in answers if answer.status_code == 402]
        assert {problem["code"] for problem in refused} == {"insufficient_credit"}
        taken = [answer.json() for answer in answers if answer.status_code == 202]
        listed = tenant.api.get("/resources", params={"page_size": 100}).json()
        assert {each["id"] for each in listed["results"]} == {each["id"] for each in taken}
        assert listed["count"] == AFFORDABLE
        stack.manage("check_ledger")
        for ordered in taken:
            tenant.api.post(f"/runs/{ordered['run']['id']}/cancel").raise_for_status()
    stack.manage("check_ledger")
    account = tenant.api.get("/billing/balance").json()
    assert Decimal(account["held"]) == 0
