"""Price lists in the vendors' own shapes. Figures are made up unless they are in our catalogue."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from .server import Reply, as_json

PUBLISHED = "2026-11-20"
EC2_PATH = "/offers/v1.0/aws/AmazonEC2/current/{region}/index.csv"
EC2_COLUMNS = [
    *("SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate", "StartingRange"),
    *("EndingRange", "Unit", "PricePerUnit", "Currency", "LeaseContractLength", "PurchaseOption", "OfferingClass"),
    *("Product Family", "serviceCode", "Location", "Location Type", "Instance Type", "vCPU", "Memory", "Tenancy"),
    *("Operating System", "License Model", "usageType", "operation", "CapacityStatus", "MarketOption"),
    *("Pre Installed S/W", "Region Code", "Volume API Name"),
]


def machine(instance_type: str, price: str, **changes: str) -> dict[str, str]:
    """A Linux on-demand line of EC2's list; ``changes`` name columns with _ for spaces."""
    row = {
        "SKU": "2223B6PCG6QAUYY6",
        "OfferTermCode": "JRTCKXETXF",
        "RateCode": f"{instance_type}.JRTCKXETXF.6YS6EN2CT7",
        "TermType": "OnDemand",
        "PriceDescription": f'${price} per "On Demand" Linux {instance_type} Instance Hour, shared',
        "EffectiveDate": "2026-11-01",
        "StartingRange": "0",
        "EndingRange": "Inf",
        "Unit": "Hrs",
        "PricePerUnit": price,
        "Currency": "USD",
        "Product Family": "Compute Instance",
        "serviceCode": "AmazonEC2",
        "Location": "EU (Ireland)",
        "Location Type": "AWS Region",
        "Instance Type": instance_type,
        "Tenancy": "Shared",
        "Operating System": "Linux",
        "License Model": "No License required",
        "usageType": f"EU-BoxUsage:{instance_type}",
        "operation": "RunInstances",
        "CapacityStatus": "Used",
        "MarketOption": "OnDemand",
        "Pre Installed S/W": "NA",
        "Region Code": "eu-west-1",
    }
    return row | {name.replace("_", " "): value for name, value in changes.items()}


def volume(price: str, **changes: str) -> dict[str, str]:
    row = machine("", price)
    row |= {"Product Family": "Storage", "Volume API Name": "gp3", "Unit": "GB-Mo", "RateCode": "gp3.JRTCKXETXF.1"}
    row |= {"usageType": "EU-EBS:VolumeUsage.gp3", "Operating System": "", "Tenancy": "", "CapacityStatus": ""}
    row |= {"License Model": "", "Pre Installed S/W": "", "MarketOption": ""}
    return row | {name.replace("_", " "): value for name, value in changes.items()}


def ec2_head() -> list[list[str]]:
    return [
        ["FormatVersion", "v1.0"],
        ["Disclaimer", "This pricing list is for informational purposes only, see http://aws.amazon.com"],
        ["Publication Date", f"{PUBLISHED}T19:33:07Z"],
        ["Version", "20261120193307"],
        ["OfferCode", "AmazonEC2"],
        EC2_COLUMNS,
    ]


def quoted(rows: list[list[str]]) -> bytes:
    text = StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def ec2(*rows: dict[str, str]) -> Reply:
    return Reply(quoted([*ec2_head(), *([row.get(name, "") for name in EC2_COLUMNS] for row in rows)]))


def product(usage: str, price: str, **changes: Any) -> dict[str, Any]:
    """A product of a JSON list and its tiers: ``tiers`` are (begin, price), ``terms`` the kinds it is sold by."""
    tiers = changes.pop("tiers", [("0", price)])
    unit, terms = changes.pop("unit", "GB-Mo"), changes.pop("terms", ["OnDemand"])
    attributes = {"servicecode": "AmazonS3", "regionCode": "eu-west-1", "usagetype": usage, "volumeType": "Standard"}
    return {"attributes": attributes | changes, "unit": unit, "tiers": tiers, "terms": terms}


def offer(service: str, *products: dict[str, Any]) -> Reply:
    """One service's list of one region."""
    listed: dict[str, Any] = {}
    terms: dict[str, Any] = {"OnDemand": {}, "Reserved": {}}
    for number, one in enumerate(products):
        sku = f"WP9ANXZGBYYSGJ{number:02}"
        listed[sku] = {"sku": sku, "productFamily": "Storage", "attributes": one["attributes"]}
        for kind in one["terms"]:
            code = f"{sku}.JRTCKXETXF"
            rates = {
                f"{code}.{tier}": {
                    "rateCode": f"{code}.{tier}",
                    "unit": one["unit"],
                    "beginRange": begin,
                    "endRange": "Inf",
                    "description": "made up",
                    "appliesTo": [],
                    "pricePerUnit": {"USD": price},
                }
                for tier, (begin, price) in enumerate(one["tiers"])
            }
            terms[kind][sku] = {code: {"offerTermCode": "JRTCKXETXF", "sku": sku, "priceDimensions": rates}}
    body = {"formatVersion": "v1.0", "offerCode": service, "publicationDate": f"{PUBLISHED}T00:00:00Z"}
    return as_json(body | {"products": listed, "terms": {kind: rows for kind, rows in terms.items() if rows}})


def item(**changes: Any) -> dict[str, Any]:
    """An item of the Retail Prices API: a Linux machine in West Europe."""
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": 0.012,
        "unitPrice": 0.012,
        "armRegionName": "westeurope",
        "location": "EU West",
        "effectiveStartDate": "2026-10-01T00:00:00Z",
        "meterId": "004f7ba0-5b91-4f9b-a1b4-9f1b2c2b7a01",
        "meterName": "B1s",
        "productId": "DZH318Z0BQ4L",
        "skuId": "DZH318Z0BQ4L/00FW",
        "productName": "Virtual Machines BS Series",
        "skuName": "B1s",
        "serviceName": "Virtual Machines",
        "serviceId": "DZH313Z7MMC8",
        "serviceFamily": "Compute",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "Standard_B1s",
        **changes,
    }


def disk(tier: str, price: float, **changes: Any) -> dict[str, Any]:
    names = {"productName": "Standard SSD Managed Disks", "skuName": f"{tier} LRS", "meterName": f"{tier} LRS Disk"}
    more = {"serviceName": "Storage", "unitOfMeasure": "1/Month", "armSkuName": "", "retailPrice": price}
    return item(**{**names, **more, **changes})


def blob(price: float, **changes: Any) -> dict[str, Any]:
    names = {"productName": "Blob Storage", "skuName": "Hot LRS", "meterName": "Hot LRS Data Stored"}
    more = {"serviceName": "Storage", "unitOfMeasure": "1 GB/Month", "armSkuName": "", "retailPrice": price}
    return item(**{**names, **more, **changes})


def page(*items: dict[str, Any], following: str | None = None) -> Reply:
    body = {"BillingCurrency": "USD", "CustomerEntityId": "Default", "CustomerEntityType": "Retail"}
    return as_json(body | {"Items": list(items), "NextPageLink": following, "Count": len(items)})


def sku(description: str, nanos: int | None, **changes: Any) -> dict[str, Any]:
    """A SKU of the Cloud Billing Catalog. ``tiers`` are (start, units, nanos); ``unit`` is the usage unit."""
    tiers = changes.pop("tiers", [(0, "0", nanos)])
    unit, usage = changes.pop("unit", "h"), changes.pop("usage", "OnDemand")
    rates = []
    for start, units, fraction in tiers:
        price = {"currencyCode": changes.get("currency", "USD"), "units": units}
        rates.append(
            {"startUsageAmount": start, "unitPrice": price if fraction is None else price | {"nanos": fraction}}
        )
    changes.pop("currency", None)
    expression = {"usageUnit": unit, "displayQuantity": 1, "tieredRates": rates, "baseUnit": "s"}
    return {
        "name": "services/6F81-5844-456A/skus/0000-0000-0000",
        "skuId": "0000-0000-0000",
        "description": description,
        "category": {"serviceDisplayName": "Compute Engine", "resourceFamily": "Compute", "usageType": usage},
        "serviceRegions": ["us-central1", "us-east1"],
        "pricingInfo": [{"effectiveTime": "2026-11-18T08:00:00.123456Z", "pricingExpression": expression}],
        **changes,
    }


def skus(*rows: dict[str, Any], token: str | None = "") -> Reply:
    body: dict[str, Any] = {"skus": list(rows)} if rows else {}
    return as_json(body if token is None else body | {"nextPageToken": token})
