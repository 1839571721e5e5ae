"""Prices of Microsoft Azure, from the Retail Prices API. No credentials; public cloud; USD.

Source of the rules: learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone
from tqdm import tqdm

from billing.models import Unit

from .fetching import Answer, Fetcher, VendorError, address_of
from .found import Found, Tally, Wanted

API_VERSION = "2023-01-01-preview"
COMPUTE = "azure:compute:"
DISK = "azure:disk:standard_ssd"

# Not an unbounded "Windows" suffix: product names end in "Windows", hold " Windows " and begin with it.
NOT_LINUX_ON_DEMAND = re.compile("Windows|CloudServices|Cloud Services|Spot|Low Priority")

# Our sizes are priced by GiB; Azure sells a Standard SSD in these sizes and rounds up. LRS, GiB by tier.
# learn.microsoft.com/azure/virtual-machines/disks-types#standard-ssd-size
TIERS = {"E4": 32, "E6": 64, "E10": 128, "E15": 256, "E20": 512, "E30": 1024}
DISK_METER = re.compile(r"(E\d+) LRS Disk")  # not "E10 LRS Disk Operations" nor "... Disk Mount"

SERVICES = {  # what to ask for; the filter's values are case-sensitive
    COMPUTE: "serviceName eq 'Virtual Machines'",
    DISK: "serviceName eq 'Storage' and productName eq 'Standard SSD Managed Disks'",
    "azure:blob:hot_lrs": "serviceName eq 'Storage' and productName eq 'Blob Storage'",
    "azure:aks:standard": "serviceName eq 'Azure Kubernetes Service'",
    "azure:ipv4": "serviceName eq 'Virtual Network' and productName eq 'IP Addresses'",
}
METERS = {  # sku: (product, meter, unit of measure, our unit)
    "azure:blob:hot_lrs": ("Blob Storage", "Hot LRS Data Stored", "1 GB/Month", Unit.GB_MONTH),
    "azure:aks:standard": ("Azure Kubernetes Service", "Standard Uptime SLA", "1 Hour", Unit.HOUR),
    "azure:ipv4": ("IP Addresses", "Standard IPv4 Static Public IP", "1 Hour", Unit.HOUR),
}
FREE = "azure:aks:free"


def unreadable(sku: str) -> str:
    """Why the API cannot say what ``sku`` costs; empty where it can."""
    if sku == FREE:
        return "it is free and has no meter"
    return "" if _service(sku) in SERVICES else "no rule says where it is listed"


def read(wanted: Wanted, fetcher: Fetcher, base: str) -> list[Found]:
    """The prices of ``wanted`` that are listed. Raises :class:`VendorError`."""
    tally = Tally()
    for region, skus in sorted(wanted.items()):
        for service in sorted({_service(sku) for sku in skus}):
            asked = f"{SERVICES[service]} and armRegionName eq '{region}' and priceType eq 'Consumption'"
            items = _items(fetcher, base, asked, label=f"azure {service.removeprefix('azure:').rstrip(':')} {region}")
            for found in _found(items, region, skus, f"{base}/api/retail/prices"):
                tally.add(found)
    return list(tally.lowest())


def _service(sku: str) -> str:
    return COMPUTE if sku.startswith(COMPUTE) else sku


def _items(fetcher: Fetcher, base: str, asked: str, *, label: str) -> Iterator[dict[str, Any]]:
    """Every item of every page. Raises :class:`VendorError`, also for pages that go round or lead elsewhere."""
    url, params = f"{base}/api/retail/prices", {"api-version": API_VERSION, "$filter": asked}
    page = fetcher.read(url, Answer.json, label=label, params=params)
    seen: set[str] = set()
    with tqdm(desc=label, unit="page", disable=None, leave=False) as bar:
        while True:
            bar.update()
            if not isinstance(page, dict) or not isinstance(page.get("Items"), list):
                raise VendorError(f"{url} answered without Items: its form has changed.")
            yield from page["Items"]
            following = page.get("NextPageLink")
            if not following:
                return
            if following in seen or not _is_same_site(following, base):
                raise VendorError(
                    f"{url} leads to a page that was read already, or elsewhere: {address_of(following)}."
                )
            seen.add(following)
            page = fetcher.read(following, Answer.json, label=label)


def _is_same_site(link: str, base: str) -> bool:
    """The links name the port (":443") where the base does not."""
    one, other = urlsplit(link), urlsplit(base)
    return (one.scheme, one.hostname) == (other.scheme, other.hostname)


def _found(items: Iterator[dict[str, Any]], region: str, skus: frozenset[str], url: str) -> Iterator[Found]:
    """What ``skus`` cost, by the meters that are primary in the region where there are any, else by the others."""
    today = timezone.now().date()
    primary: dict[str, list[Found]] = defaultdict(list)
    secondary: dict[str, list[Found]] = defaultdict(list)
    try:
        for item in items:
            sku, unit, gib = _meaning(item)  # most items are none of ours, and may lack anything
            if sku in skus and _is_on_demand(item, region, today):
                amount, since = Decimal(item["retailPrice"]) / gib, item["effectiveStartDate"][:10]
                source = f"{url} meterId {item['meterId']}"
                found = Found(sku, region, unit, amount, source, since, is_approximate=sku == DISK)
                (primary if item["isPrimaryMeterRegion"] else secondary)[sku].append(found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise VendorError(f"{url} answered with an item that is not the one we know: {error!r}.") from error
    for sku in sorted(skus):
        yield from primary[sku] or secondary[sku]


def _is_on_demand(item: Mapping[str, Any], region: str, today: date) -> bool:
    return (
        item["type"] == "Consumption"
        and item["armRegionName"] == region
        and item["currencyCode"] == "USD"
        and item["tierMinimumUnits"] == 0
        and not item.get("reservationTerm")
        and date.fromisoformat(item["effectiveStartDate"][:10]) <= today
        and not (item.get("effectiveEndDate") and date.fromisoformat(item["effectiveEndDate"][:10]) <= today)
    )


def _meaning(item: Mapping[str, Any]) -> tuple[str, str, int]:
    """(our sku, our unit, how many of that the price is for) of an item; an empty sku for what is none of ours."""
    product, meter, measure = (item.get(name) or "" for name in ("productName", "meterName", "unitOfMeasure"))
    if item.get("serviceName") == "Virtual Machines":
        names = f"{product}|{item.get('skuName')}|{meter}"
        is_ours = measure == "1 Hour" and not NOT_LINUX_ON_DEMAND.search(names)
        return (f"{COMPUTE}{item.get('armSkuName')}" if is_ours else ""), Unit.HOUR, 1
    disk = DISK_METER.fullmatch(meter)
    if disk and product == "Standard SSD Managed Disks" and measure == "1/Month" and disk[1] in TIERS:
        return DISK, Unit.GIB_MONTH, TIERS[disk[1]]
    listed = (product, meter, measure)
    return next(((sku, unit, 1) for sku, (*known, unit) in METERS.items() if (*known,) == listed), ("", "", 1))
