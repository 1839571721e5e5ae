"""Azure's bill against the simulated Azure, and against a server that answers as networks and rate limits do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from clouds.providers import CloudUnreachable, NotPermitted, azure_costs
from clouds.providers.azure_costs import read
from clouds.providers.bill import BillLine, BillQuestion
from tests.billing.refresh.server import Reply, Vendor, as_json
from tests.plugin import SimulatedCloud

TAG = "skyvend-resource"
NOVEMBER = BillQuestion(date(2026, 11, 1), date(2026, 11, 30), TAG)
SUBSCRIPTION = "0f1e2d3c-0000-4000-8000-0123456789ab"
SECRET = "a-secret-nobody-may-see"
GIVEN = {"client_id": "c", "client_secret": SECRET, "tenant_id": "t", "subscription_id": SUBSCRIPTION}
PATH = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CostManagement/query"
COLUMNS = ["Cost", "UsageDate", "TagKey", "TagValue", "ServiceName", "Currency"]


def page(*rows: list[Any], columns: list[str] = COLUMNS, following: str | None = None, **more: Any) -> Reply:
    shown = [{"name": name, "type": "String"} for name in columns]
    return as_json({"properties": {"nextLink": following, "columns": shown, "rows": list(rows)}}, **more)


def row(cost: float, day: int = 20261101, value: str | None = "r-1", service: str = "Virtual Machines") -> list[Any]:
    return [cost, day, TAG if value else None, value, service, "EUR"]


def lines(endpoint: str, given: dict[str, str] = GIVEN) -> list[BillLine]:
    return list(read(given, endpoint, NOVEMBER))


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(azure_costs.time, "sleep", waits.append)
    return waits


@pytest.fixture
def vendor(slept: list[float]) -> Iterator[Vendor]:
    server = Vendor()
    server.on("/t/oauth2/v2.0/token", as_json({"access_token": "token", "expires_in": 3600}))
    yield server
    server.close()


def replying(*replies: Reply) -> Callable[[Any], Reply]:
    """The replies one after the other, the last for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_the_simulated_azure_is_read_page_by_page(azure_cloud: SimulatedCloud) -> None:
    given = dict(azure_cloud.control("POST", "principals", {}).json())
    rows = [
        {"day": f"2026-11-{number % 28 + 1:02d}", "service": "Storage", "cost": "0.25", "tags": {TAG: f"r-{number}"}}
        for number in range(230)
    ]
    rows += [
        {"day": "2026-11-03", "service": "Bandwidth", "cost": "0.1"},
        {"day": "2026-12-01", "service": "x", "cost": "9"},
    ]
    azure_cloud.control("PUT", "bill", {"scope": given["subscription_id"], "rows": rows})
    found = lines(azure_cloud.endpoint, given)
    assert len(found) == 231
    assert sum(line.billed_cost for line in found) == Decimal("57.6")
    untagged = next(line for line in found if not line.tags)
    assert (untagged.day, untagged.service_name, untagged.service_category) == (
        date(2026, 11, 3),
        "Bandwidth",
        "Networking",
    )


def test_a_missing_role_is_named(azure_cloud: SimulatedCloud) -> None:
    given = dict(azure_cloud.control("POST", "principals", {"denied": ["Microsoft.CostManagement/query/read"]}).json())
    with pytest.raises(NotPermitted, match="Cost Management Reader"):
        lines(azure_cloud.endpoint, given)


def test_columns_are_taken_by_their_names_in_whatever_order(vendor: Vendor) -> None:
    turned = ["Currency", "TagValue", "UsageDate", "ServiceName", "TagKey", "PreTaxCost"]
    vendor.on(PATH, page(["EUR", "r-1", 20261105, "Storage", TAG, 1.25], columns=turned))
    (line,) = lines(vendor.url)
    assert (line.day, line.currency, line.tags, line.billed_cost) == (
        date(2026, 11, 5), "EUR", {TAG: "r-1"}, Decimal("1.25"),
    )  # fmt: skip


def test_reservations_differ_between_billed_and_effective_cost(vendor: Vendor) -> None:
    vendor.routes[PATH] = replying(page(row(0), row(30, service="Reservations", value=None)), page(row(1.0)))
    found = {line.service_name: (line.billed_cost, line.effective_cost) for line in lines(vendor.url)}
    assert found == {"Virtual Machines": (0, 1), "Reservations": (30, 0)}
    assert [json.loads(body)["type"] for body in vendor.posted[1:]] == ["ActualCost", "AmortizedCost"]


def test_a_next_page_gets_the_same_question_posted_again(vendor: Vendor) -> None:
    following = f"{vendor.url}{PATH}?api-version=2023-03-01&$skiptoken=AAA"
    vendor.routes[PATH] = replying(page(row(1), following=following), page(row(2), row(1, 20261102)), page())
    assert sorted((line.day.day, line.billed_cost) for line in lines(vendor.url)) == [(1, 3), (2, 1)]
    asked = [each.query for each in vendor.asked if each.path == PATH]
    assert asked[1] == {"api-version": "2023-03-01", "$skiptoken": "AAA"}
    assert vendor.posted[1] == vendor.posted[2]


def test_a_next_page_elsewhere_is_not_followed(vendor: Vendor) -> None:
    elsewhere = Vendor()
    vendor.on(PATH, page(row(1), following=f"{elsewhere.url}{PATH}"))
    with pytest.raises(CloudUnreachable, match="another host"):
        lines(vendor.url)
    assert elsewhere.asked == []
    elsewhere.close()


def test_a_429_is_waited_out_for_as_long_as_it_says(vendor: Vendor, slept: list[float]) -> None:
    slow = Reply(b"{}", status=429, headers={"Retry-After": "7"})
    own = {"x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "30", "Retry-After": "3"}
    vendor.routes[PATH] = replying(
        slow, Reply(b"{}", status=429, headers=own), Reply(b"{}", status=429), page(row(1)), page(row(1))
    )
    assert len(lines(vendor.url)) == 1
    assert slept == [7, 30, 4]


def test_no_header_makes_it_wait_an_hour(vendor: Vendor, slept: list[float]) -> None:
    vendor.on(PATH, Reply(b"{}", status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(CloudUnreachable, match="429"):
        lines(vendor.url)
    assert slept == [60] * 5


def test_no_content_is_no_cost(vendor: Vendor) -> None:
    vendor.on(PATH, Reply(status=204))
    assert lines(vendor.url) == []


def test_an_answer_that_is_cut_off_is_no_answer(vendor: Vendor) -> None:
    whole = page(row(1)).body
    vendor.on(PATH, Reply(whole[:60], promised=len(whole) - 60))
    with pytest.raises(CloudUnreachable) as caught:
        lines(vendor.url)
    assert SECRET not in str(caught.value)


def test_amounts_lose_nothing_in_floats(vendor: Vendor) -> None:
    vendor.on(PATH, page(row(0.1), row(0.2)))
    (line,) = lines(vendor.url)
    assert line.billed_cost == Decimal("0.3")
