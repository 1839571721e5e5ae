"""Azure's bill by a Cost Management query: day by day, by the tag of our resources and by service.

A query groups by two things at most and says its columns with the rows, in an order of its own. ActualCost is what
the invoice says; AmortizedCost, asked separately, spreads reservations. It knows no list prices, and no quantities
once it is grouped by service.
Source: Azure REST API reference, Cost Management, Query - Usage; Microsoft, "Cost Management API rate limits".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from datetime import time as clock
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.mgmt.costmanagement import CostManagementClient

from .azure_sdk import ARM, ARM_SCOPE, Cloud, in_words
from .base import CloudUnreachable, Credentials, NotPermitted
from .bill import BillLine, BillQuestion, tags_of

VERSION = "2025-03-01"  # the one that azure-mgmt-costmanagement 5.0.0 speaks
QUERY = "/subscriptions/{subscription}/providers/Microsoft.CostManagement/query?api-version={version}"
COST_COLUMNS = ("Cost", "PreTaxCost")  # by kind of agreement
ATTEMPTS = 6
LONGEST_WAIT = 60.0  # seconds between two of them, whatever Azure asks for
DENIED = (
    "Azure does not let this application read the bill. Give it the role Cost Management Reader on the subscription."
)
THROTTLED = "Azure answers cost queries of this subscription too seldom now (HTTP 429). They are asked again later."
FOREIGN = "Azure's answer leads to another host: it was not followed."


def read(credentials: Credentials, endpoint: str, asked: BillQuestion) -> Iterator[BillLine]:
    """See :class:`clouds.providers.bill.BillReader`."""
    cloud = Cloud(credentials, endpoint)
    with in_words():
        options = cloud.options(ARM_SCOPE) | ({"base_url": endpoint} if endpoint else {})
        client = CostManagementClient(retry_total=1, retry_status=0, **options)  # a 429 is waited out in _patient
    billed = _costs(cloud, client, "ActualCost", asked)
    effective = _costs(cloud, client, "AmortizedCost", asked)
    for key in {**billed, **effective}:
        day, service, value, currency = key
        yield BillLine(
            day=datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date(),
            service_name=service or "Azure",
            billed_cost=billed.get(key, Decimal(0)),
            effective_cost=effective.get(key, Decimal(0)),
            currency=currency,
            tags=tags_of(asked.tag, value),
        )


def _costs(
    cloud: Cloud, client: CostManagementClient, kind: str, asked: BillQuestion
) -> dict[tuple[str, str, str, str], Decimal]:
    """Cost by (day as yyyymmdd, service, value of the tag, currency)."""
    found: dict[tuple[str, str, str, str], Decimal] = {}
    address: str | None = QUERY.format(subscription=cloud.subscription_id, version=VERSION)
    while address:
        page = _page(cloud, client, address, _body(kind, asked))["properties"]
        names = [column["name"] for column in page["columns"]]
        for row in page["rows"]:
            key, cost = _read(dict(zip(names, row, strict=True)))
            found[key] = found.get(key, Decimal(0)) + cost
        address = page.get("nextLink")
    return {key: cost for key, cost in found.items() if cost}


def _read(row: Mapping[str, Any]) -> tuple[tuple[str, str, str, str], Decimal]:
    name = next(each for each in COST_COLUMNS if each in row)
    day = str(row["UsageDate"])[:8]
    return (day, row.get("ServiceName") or "", row.get("TagValue") or "", row["Currency"]), Decimal(str(row[name] or 0))


def _body(kind: str, asked: BillQuestion) -> dict[str, Any]:
    return {
        "type": kind,
        "timeframe": "Custom",
        "timePeriod": {
            "from": datetime.combine(asked.first, clock.min, UTC).isoformat(),
            "to": datetime.combine(asked.last, clock(23, 59, 59), UTC).isoformat(),
        },
        "dataset": {
            "granularity": "Daily",
            "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
            "grouping": [{"type": "TagKey", "name": asked.tag}, {"type": "Dimension", "name": "ServiceName"}],
        },
    }


def _page(cloud: Cloud, client: CostManagementClient, address: str, body: dict[str, Any]) -> dict[str, Any]:
    """One page. A link to the next one is followed with the same body, and only to where we asked before."""
    base = cloud.endpoint or ARM
    url = address if address.startswith("http") else base + address
    if urlsplit(url)[:2] != urlsplit(base)[:2]:
        raise CloudUnreachable(FOREIGN)
    with in_words():
        return _patient(lambda: _answered(client, HttpRequest("POST", url, json=body)))


def _answered(client: CostManagementClient, request: HttpRequest) -> dict[str, Any]:
    response = client.send_request(request)
    if response.status_code == 204:  # no cost in these days
        return {"properties": {"columns": [], "rows": []}}
    response.raise_for_status()
    page: dict[str, Any] = response.json()
    return page


def _patient(asking: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Ask again after a 429, when Azure says so. Raises ``CloudUnreachable`` when that does not help."""
    for attempt in range(ATTEMPTS):
        try:
            return asking()
        except HttpResponseError as error:
            if error.status_code == 403:
                raise NotPermitted(DENIED) from None
            if error.status_code != 429:
                raise
            if attempt + 1 < ATTEMPTS:
                time.sleep(_wait(error, attempt))
    raise CloudUnreachable(THROTTLED)


def _wait(error: HttpResponseError, attempt: int) -> float:
    """Seconds: the longest that a header asks for (Cost Management has three of its own), else doubling from one."""
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    asked = [value for name, value in headers.items() if name.lower().endswith("retry-after")]
    seconds = [float(value) for value in asked if value.replace(".", "", 1).isdigit()]
    return min(max(seconds, default=float(2**attempt)), LONGEST_WAIT)
