"""Prices of Amazon Web Services, from the public Price List files. No credentials.

Source of the rules: docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html and the files themselves.
EC2's list of one region has about 300 MB and is read as CSV, line by line; the others are small and read as JSON.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from billing.models import Unit

from .fetching import Answer, Fetcher, Truncated, VendorError
from .found import Found, Tally, Wanted

COMPUTE = "aws:compute:"
DISK = "aws:disk:gp3"

# A region's list also holds reserved terms, other systems, dedicated hosts, licences, capacity reservations (used and
# unused), local zones, and capacity blocks.
ON_DEMAND = {"TermType": "OnDemand", "Currency": "USD", "Location Type": "AWS Region"}
MACHINE = {
    **ON_DEMAND,
    "Product Family": "Compute Instance",
    "Operating System": "Linux",
    "Tenancy": "Shared",
    "Pre Installed S/W": "NA",
    "License Model": "No License required",
    "CapacityStatus": "Used",
    "Unit": "Hrs",
}
VOLUME = {**ON_DEMAND, "Product Family": "Storage", "Volume API Name": "gp3", "Unit": "GB-Mo"}
COLUMNS = {*MACHINE, *VOLUME, "Instance Type", "Region Code", "RateCode", "PricePerUnit", "StartingRange", "usageType"}
PREFIX = r"(?:[A-Z0-9]+-)?"  # of the region: "EU-", "APS1-", none; two parts are a local zone's


@dataclass(frozen=True, slots=True)
class Rule:
    """Which product of a JSON list is ours. Other services reuse a usage type, so ``service`` counts too."""

    service: str
    usage: str
    unit: str
    vendor_units: frozenset[str]
    attributes: Mapping[str, str] = field(default_factory=dict)

    def matches(self, attributes: Mapping[str, str], region: str) -> bool:
        expected = {"servicecode": self.service, "regionCode": region, **self.attributes}
        is_ours = all(attributes.get(name) == value for name, value in expected.items())
        return is_ours and bool(re.fullmatch(PREFIX + re.escape(self.usage), attributes.get("usagetype", "")))


HOURS = frozenset({"hrs", "hours", "hour"})
RULES = {
    "aws:s3:standard": Rule(
        "AmazonS3", "TimedStorage-ByteHrs", Unit.GB_MONTH, frozenset({"gb-mo"}), {"volumeType": "Standard"}
    ),
    "aws:eks:control_plane": Rule("AmazonEKS", "AmazonEKS-Hours:perCluster", Unit.HOUR, HOURS),
    "aws:ipv4": Rule("AmazonVPC", "PublicIPv4:InUseAddress", Unit.HOUR, HOURS),
}


def unreadable(sku: str) -> str:
    """Why this list cannot say what ``sku`` costs; empty where it can."""
    return "" if sku.startswith(COMPUTE) or sku == DISK or sku in RULES else "no rule says where it is listed"


def read(wanted: Wanted, fetcher: Fetcher, base: str) -> list[Found]:
    """The prices of ``wanted`` that are listed. Raises :class:`VendorError`."""
    tally = Tally()
    for region, skus in sorted(wanted.items()):
        for found in _in_region(region, skus, fetcher, base):
            tally.add(found)
    return list(tally.lowest())


def _in_region(region: str, skus: frozenset[str], fetcher: Fetcher, base: str) -> Iterator[Found]:
    for sku in sorted(skus & RULES.keys()):
        rule = RULES[sku]
        url = f"{base}/offers/v1.0/aws/{rule.service}/current/{region}/index.json"
        offer = fetcher.read(url, Answer.json, label=f"aws {rule.service} {region}")
        yield from _from_json(offer, sku, rule, region, url)
    machines = frozenset(sku for sku in skus if sku.startswith(COMPUTE) or sku == DISK)
    if machines:
        url = f"{base}/offers/v1.0/aws/AmazonEC2/current/{region}/index.csv"
        label = f"aws AmazonEC2 {region}"
        yield from fetcher.read(url, lambda answer: _from_csv(answer, machines, region), label=label)


def _from_json(offer: Any, sku: str, rule: Rule, region: str, url: str) -> Iterator[Found]:
    """The first tier's on-demand prices of every product that ``rule`` matches."""
    try:
        published = offer["publicationDate"][:10]
        terms = offer["terms"].get("OnDemand", {})  # what is only to be reserved has none
        for product in offer["products"].values():
            if not rule.matches(product["attributes"], region):
                continue
            for term in terms.get(product["sku"], {}).values():
                for rate in term["priceDimensions"].values():
                    if rate["beginRange"] == "0" and rate["unit"].lower() in rule.vendor_units:
                        amount = Decimal(rate["pricePerUnit"].get("USD", "0"))
                        yield Found(sku, region, rule.unit, amount, f"{url} {rate['rateCode']}", published)
    except (KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise VendorError(f"{url} is not the price list we know: {error!r}.") from error


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What the head of a CSV list says: when it was published, and at which index a column stands."""

    address: str
    region: str
    published: str
    width: int
    at: Mapping[str, int]


def _from_csv(answer: Answer, skus: frozenset[str], region: str) -> list[Found]:
    """Machines and volumes of EC2's list. Holds one line at a time."""
    rows = csv.reader(answer.lines(), strict=True)
    try:
        return list(_matching(rows, _head(rows, answer.address, region), skus))
    except csv.Error as error:
        raise Truncated(f"{answer.address} ends within a line.") from error
    except InvalidOperation as error:
        raise VendorError(f"{answer.address} holds a price that is no number.") from error


def _head(rows: Iterator[list[str]], address: str, region: str) -> _Sheet:
    """Read up to the header: the metadata before it is "name","value" lines."""
    published = ""
    for row in rows:
        if row[:1] == ["Publication Date"]:
            published = row[1][:10]
        if row[:1] == ["SKU"]:
            missing = sorted(COLUMNS - set(row))
            if missing or not published:
                lacking = ", ".join(missing) or "its publication date"
                raise VendorError(f"{address} lacks {lacking}: its form has changed.")
            return _Sheet(address, region, published, len(row), {name: index for index, name in enumerate(row)})
    raise Truncated(f"{address} ends before its header.")


def _matching(rows: Iterator[list[str]], sheet: _Sheet, skus: frozenset[str]) -> Iterator[Found]:
    machine, volume = sheet.at["Instance Type"], sheet.at["Volume API Name"]
    rate, price = sheet.at["RateCode"], sheet.at["PricePerUnit"]
    for row in rows:
        if len(row) != sheet.width:
            raise Truncated(f"{sheet.address} ends within a line.")
        sku = COMPUTE + row[machine] if row[machine] else DISK if row[volume] == "gp3" else ""
        if sku in skus and _is_ours(row, sheet, MACHINE if sku != DISK else VOLUME):
            unit = Unit.GB_MONTH if sku == DISK else Unit.HOUR
            source = f"{sheet.address} {row[rate]}"
            yield Found(sku, sheet.region, unit, Decimal(row[price]), source, sheet.published)


def _is_ours(row: list[str], sheet: _Sheet, expected: Mapping[str, str]) -> bool:
    at = sheet.at
    if row[at["Region Code"]] != sheet.region or row[at["StartingRange"]] not in ("", "0"):
        return False
    if "MarketOption" in at and row[at["MarketOption"]] not in ("", "OnDemand"):
        return False
    if expected is VOLUME and not re.fullmatch(PREFIX + r"EBS:VolumeUsage\.gp3", row[at["usageType"]]):
        return False
    return all(row[at[name]] == value for name, value in expected.items())
