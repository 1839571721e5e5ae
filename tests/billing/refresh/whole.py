"""Three vendors that list what a catalogue says, amid what they list besides."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from billing.models import Price
from billing.refresh import gcp

from . import lists
from .server import Asked, Reply, Vendor

SKUS_PATH = "/v1/services/{}/skus"
AWS_JSON = {
    "aws:s3:standard": ("AmazonS3", "TimedStorage-ByteHrs", "GB-Mo"),
    "aws:eks:control_plane": ("AmazonEKS", "AmazonEKS-Hours:perCluster", "hours"),
    "aws:ipv4": ("AmazonVPC", "PublicIPv4:InUseAddress", "Hrs"),
}
AZURE_METERS: dict[str, dict[str, Any]] = {
    "azure:blob:hot_lrs": {
        "productName": "Blob Storage",
        "meterName": "Hot LRS Data Stored",
        "unitOfMeasure": "1 GB/Month",
    },
    "azure:aks:standard": {"productName": "Azure Kubernetes Service", "meterName": "Standard Uptime SLA"},
    "azure:ipv4": {"productName": "IP Addresses", "meterName": "Standard IPv4 Static Public IP"},
}
GCP_SKUS = {
    "gcp:disk:pd_balanced": (gcp.COMPUTE_ENGINE, "Balanced PD Capacity in {}", "GiBy.mo"),
    "gcp:ipv4": (gcp.COMPUTE_ENGINE, "External IP Charge on a Standard VM", "h"),
    "gcp:gcs:standard": (gcp.STORAGE, "Standard Storage {}", "GiBy.mo"),
    "gcp:gke:control_plane": (gcp.KUBERNETES, "Zonal Kubernetes Clusters", "h"),
}
FAMILY_NAMES = {"e2": "E2 Instance", "n2": "N2 Instance", "c2": "Compute optimized", "t2a": "T2A Arm Instance"}
# Google's, in us-central1. Where all types of a family have the same ratio any other would do as well.
GIB_HOUR = Decimal("0.00292353")


def serve(vendor: Vendor, rows: Iterable[Price]) -> None:
    """Put every list on ``vendor`` that the refresh of ``rows`` reads."""
    by_region: dict[tuple[str, str], list[Price]] = defaultdict(list)
    for row in rows:
        by_region[row.sku.partition(":")[0], row.region].append(row)
    azure: dict[str, list[dict[str, Any]]] = {}
    services: dict[str, list[dict[str, Any]]] = {each: [] for each in (gcp.COMPUTE_ENGINE, gcp.STORAGE, gcp.KUBERNETES)}
    for (provider, region), prices in by_region.items():
        if provider == "aws":
            _serve_aws(vendor, region, prices)
        elif provider == "azure":
            azure[region] = [_item(row) for row in prices if row.amount]
        else:
            _list_gcp(services, region, prices)
    vendor.routes["/api/retail/prices"] = lambda asked: _page(asked, azure)
    for service, skus in services.items():
        vendor.on(SKUS_PATH.format(service), lists.skus(*skus))


def _serve_aws(vendor: Vendor, region: str, prices: list[Price]) -> None:
    where, lines = {"Region_Code": region}, []
    for row in prices:
        if row.sku in AWS_JSON:
            service, usage, unit = AWS_JSON[row.sku]
            listed = lists.product(usage, f"{row.amount:.10f}", servicecode=service, regionCode=region, unit=unit)
            vendor.on(f"/offers/v1.0/aws/{service}/current/{region}/index.json", lists.offer(service, listed))
        elif row.sku == "aws:disk:gp3":
            lines.append(lists.volume(f"{row.amount:.10f}", **where))
        else:
            name = row.sku.removeprefix("aws:compute:")
            lines.append(lists.machine(name, f"{row.amount:.10f}", **where))
            lines.append(lists.machine(name, f"{row.amount * 2:.10f}", Operating_System="Windows", **where))
    vendor.on(lists.EC2_PATH.format(region=region), lists.ec2(*lines))


def _item(row: Price) -> dict[str, Any]:
    common = {"armRegionName": row.region, "retailPrice": row.amount}
    if row.sku == "azure:disk:standard_ssd":
        return lists.disk("E10", row.amount * 128, armRegionName=row.region)
    if row.sku in AZURE_METERS:
        return lists.item(serviceName="", armSkuName="", **AZURE_METERS[row.sku], **common)
    return lists.item(armSkuName=row.sku.removeprefix("azure:compute:"), **common)


def _page(asked: Asked, azure: dict[str, list[dict[str, Any]]]) -> Reply:
    """Every item of the region, whatever service was asked for: what does not belong has to be ignored."""
    match = re.search(r"armRegionName eq '(\w+)'", asked.query["$filter"])
    assert match is not None
    return lists.page(*azure.get(match[1], []))


def _list_gcp(services: dict[str, list[dict[str, Any]]], region: str, prices: list[Price]) -> None:
    families: dict[str, list[Price]] = defaultdict(list)
    for row in prices:
        if row.sku in GCP_SKUS:
            service, name, unit = GCP_SKUS[row.sku]
            services[service].append(_sku(name.format(region), row.amount, region, unit))
        else:
            families[gcp.shapes()[row.sku].family].append(row)
    for family, rows in families.items():
        gib_hour, name = _gib_hour(family, rows), FAMILY_NAMES[family]
        services[gcp.COMPUTE_ENGINE] += [
            _sku(f"{name} Core running in {region}", _with_four_gib(rows) - 4 * gib_hour, region, "h"),
            _sku(f"{name} Ram running in {region}", gib_hour, region, "GiBy.h"),
        ]


def _with_four_gib(rows: list[Price]) -> Decimal:
    """What one processor with 4 GiB costs, such that every type of that ratio rounds to its price."""
    half = Decimal("0.0000005")
    shaped = [(row.amount, gcp.shapes()[row.sku]) for row in rows]
    fitting = [(amount, shape.vcpu) for amount, shape in shaped if shape.memory_gib == 4 * shape.vcpu]
    low = max((amount - half) / vcpu for amount, vcpu in fitting)
    high = min((amount + half) / vcpu for amount, vcpu in fitting)
    return (low + high) / 2


def _gib_hour(family: str, prices: list[Price]) -> Decimal:
    amounts = {row.sku: row.amount for row in prices}
    if family == "n2":  # 8 GiB apart
        return (amounts["gcp:compute:n2-highmem-2"] - amounts["gcp:compute:n2-standard-2"]) / 8
    return GIB_HOUR


def _sku(description: str, amount: Decimal, region: str, unit: str) -> dict[str, Any]:
    return lists.sku(description, int(amount.scaleb(9).to_integral_value()), serviceRegions=[region], unit=unit)
