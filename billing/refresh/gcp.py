"""Prices of Google Cloud, from the Cloud Billing Catalog API. Needs an API key; any will do.

Source of the rules: googleapis/googleapis google/cloud/billing/v1/cloud_catalog.proto. There is no price of a machine
type: it is the sum of its processors and its memory, see data/gcp_shapes.csv.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from tqdm import tqdm

from billing.models import Unit
from billing.prices import DATA

from .fetching import Answer, Fetcher, VendorError
from .found import Found, Tally, Wanted

KEY_VARIABLE = "GCP_PRICES_API_KEY"
KEY_HEADER = "X-Goog-Api-Key"  # not in the address, which ends up in logs. cloud.google.com/apis/docs/system-parameters
COMPUTE = "gcp:compute:"
CORE, MEMORY = "core", "memory"
ANYWHERE = "global"  # a serviceRegions value: the price holds in every region

COMPUTE_ENGINE, STORAGE, KUBERNETES = "6F81-5844-456A", "95FF-2EF5-5EA1", "CCD8-9BF1-090E"


@dataclass(frozen=True, slots=True)
class Rule:
    """A description from its start to its end: one region is listed by several SKUs, such as those for dual regions."""

    service: str
    description: re.Pattern[str]
    vendor_unit: str
    unit: str


RULES = {
    "gcp:disk:pd_balanced": Rule(
        COMPUTE_ENGINE, re.compile(r"Balanced PD Capacity( in .+)?"), "GiBy.mo", Unit.GIB_MONTH
    ),
    "gcp:ipv4": Rule(COMPUTE_ENGINE, re.compile(r"External IP Charge on a Standard VM"), "h", Unit.HOUR),
    "gcp:gcs:standard": Rule(
        STORAGE, re.compile(r"Standard Storage (?!.*(Dual|Multi)-?region).+", re.IGNORECASE), "GiBy.mo", Unit.GIB_MONTH
    ),
    "gcp:gke:control_plane": Rule(KUBERNETES, re.compile(r"(Zonal|Regional) Kubernetes Clusters"), "h", Unit.HOUR),
}
FAMILIES = {"e2": "E2 Instance", "n2": "N2 Instance", "c2": "Compute optimized( Instance)?", "t2a": "T2A Arm Instance"}
PARTS = {  # a family's two parts, by names that are no SKUs of ours
    f"{part}:{family}": Rule(COMPUTE_ENGINE, re.compile(f"{prefix} {word} running in .+"), unit, Unit.HOUR)
    for family, prefix in FAMILIES.items()
    for part, word, unit in ((CORE, "Core", "h"), (MEMORY, "Ram", "GiBy.h"))
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a machine type is billed as. ``vcpu`` is a fraction for the shared-core types, which show two processors."""

    family: str
    vcpu: Decimal
    memory_gib: Decimal


@cache
def shapes() -> dict[str, Shape]:
    """By our sku."""
    with (DATA / "gcp_shapes.csv").open(encoding="utf-8", newline="") as file:
        return {
            COMPUTE + row["name"]: Shape(row["family"], Decimal(row["billed_vcpu"]), Decimal(row["memory_gib"]))
            for row in csv.DictReader(file)
        }


def unreadable(sku: str) -> str:
    """Why the API cannot say what ``sku`` costs; empty where it can."""
    if sku.startswith(COMPUTE):
        return "" if sku in shapes() else "gcp_shapes.csv does not say what it is made of"
    return "" if sku in RULES else "no rule says where it is listed"


def key_headers(key: str) -> dict[str, str]:
    """The header that carries the API key. Raises :class:`VendorError`, which does not quote it."""
    if not key:
        raise VendorError(
            f"Google Cloud's prices need an API key: set {KEY_VARIABLE}, or leave them out with "
            "--provider aws --provider azure."
        )
    if not re.fullmatch(r"[\w-]+", key, re.ASCII):
        raise VendorError(f"{KEY_VARIABLE} holds characters that are in no API key.")
    return {KEY_HEADER: key}


def read(wanted: Wanted, fetcher: Fetcher, base: str) -> list[Found]:
    """The prices of ``wanted`` that are listed. Raises :class:`VendorError`."""
    asked = {region: _rules(skus) for region, skus in wanted.items()}
    tally = Tally()
    for service in sorted({rule.service for rules in asked.values() for rule in rules.values()}):
        for sku in _skus(fetcher, base, service):
            for found in _found(sku, asked, service, f"{base}/v1/services/{service}/skus"):
                tally.add(found)
    listed = {found.key: found for found in tally.lowest()}
    return [*_machines(wanted, listed), *(found for found in listed.values() if found.sku in RULES)]


def _rules(skus: frozenset[str]) -> dict[str, Rule]:
    """What to look for in one region, by sku or by part of machines."""
    families = {shapes()[sku].family for sku in skus if sku.startswith(COMPUTE)}
    parts = {name: rule for name, rule in PARTS.items() if name.partition(":")[2] in families}
    return {sku: RULES[sku] for sku in skus if sku in RULES} | parts


def _skus(fetcher: Fetcher, base: str, service: str) -> Iterator[dict[str, Any]]:
    """Every SKU of every page. Raises :class:`VendorError`, also for pages that go round."""
    url, label = f"{base}/v1/services/{service}/skus", f"gcp {service}"
    token, seen = "", {""}
    with tqdm(desc=label, unit="page", disable=None, leave=False) as bar:
        while True:
            params = {"currencyCode": "USD", "pageSize": "5000"} | ({"pageToken": token} if token else {})
            page = fetcher.read(url, Answer.json, label=label, params=params)
            bar.update()
            if not isinstance(page, dict) or not isinstance(page.get("skus", []), list):
                raise VendorError(f"{url} answered without skus: its form has changed.")
            yield from page.get("skus", [])
            token = page.get("nextPageToken") or ""
            if not token:
                return
            if token in seen:
                raise VendorError(f"{url} leads to a page that was read already.")
            seen.add(token)


def _found(sku: Mapping[str, Any], asked: Mapping[str, dict[str, Rule]], service: str, url: str) -> Iterator[Found]:
    try:  # what is empty may be left out, and most SKUs are none of ours
        if sku.get("category", {}).get("usageType") != "OnDemand":
            return
        served, description = set(sku.get("serviceRegions", [])), sku.get("description", "")
        for region, rules in asked.items():
            for name, rule in rules.items() if {region, ANYWHERE} & served else ():
                if rule.service == service and rule.description.fullmatch(description):
                    yield from _price(sku, name, region, rule, url)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise VendorError(f"{url} answered with a SKU that is not the one we know: {error!r}.") from error


def _price(sku: Mapping[str, Any], name: str, region: str, rule: Rule, url: str) -> Iterator[Found]:
    """The price that holds now, behind a free first tier; none where it is stated in another unit or currency."""
    now = timezone.now()
    infos = [info for info in sku.get("pricingInfo", []) if _time(info["effectiveTime"]) <= now]
    expression = max(infos, key=lambda info: _time(info["effectiveTime"]))["pricingExpression"] if infos else {}
    if expression.get("usageUnit") != rule.vendor_unit:
        return
    tiers = sorted(expression.get("tieredRates", []), key=lambda tier: Decimal(tier.get("startUsageAmount", 0)))
    paid = [tier["unitPrice"] for tier in tiers if _amount(tier["unitPrice"])]
    if paid and paid[0]["currencyCode"] == "USD":
        since = max(info["effectiveTime"] for info in infos)[:10]
        yield Found(name, region, rule.unit, _amount(paid[0]), f"{url} SKU {sku['skuId']}", since)


def _time(text: str) -> Any:
    moment = parse_datetime(text)
    if moment is None:
        raise ValueError(f"{text} is no time")
    return moment


def _amount(price: Mapping[str, Any]) -> Decimal:
    """``units`` is a string of whole dollars and ``nanos`` a number; either may be absent."""
    return Decimal(price.get("units") or 0) + Decimal(price.get("nanos") or 0).scaleb(-9)


def _machines(wanted: Wanted, listed: Mapping[tuple[str, str], Found]) -> Iterator[Found]:
    for region, skus in wanted.items():
        for sku in sorted(sku for sku in skus if sku.startswith(COMPUTE)):
            shape = shapes()[sku]
            core, memory = (listed.get((f"{part}:{shape.family}", region)) for part in (CORE, MEMORY))
            if core and memory:
                yield _machine(sku, shape, core, memory)


def _machine(sku: str, shape: Shape, core: Found, memory: Found) -> Found:
    def total(core_hour: Decimal, gib_hour: Decimal) -> Decimal:
        return shape.vcpu * core_hour + shape.memory_gib * gib_hour

    others = [total(amount, memory.amount) for amount in core.others]
    others += [total(core.amount, amount) for amount in memory.others]
    source = f"{core.source} × {shape.vcpu} vCPU + SKU {memory.source.rpartition(' ')[2]} × {shape.memory_gib} GiB"
    return replace(
        core,
        sku=sku,
        amount=total(core.amount, memory.amount),
        source=source,
        as_of=max(core.as_of, memory.as_of),
        others=tuple(sorted(others)),
    )
