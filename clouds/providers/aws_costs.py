"""AWS's bill by Cost Explorer: day by day, by the tag of our resources and by service.

Cost Explorer groups by two things at most. So usage is asked by tag and service, and what is not usage (tax, credits,
refunds) by tag and kind of charge. Every page of an answer costs the tenant 0.01 USD. UnblendedCost is what the
invoice says; AmortizedCost spreads commitments. It knows no list prices.
Source: AWS Cost Explorer Service API reference, GetCostAndUsage, Expression, DateInterval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from .aws_sdk import DENIALS, Cloud, in_words
from .base import CloudUnreachable, Credentials, NotPermitted
from .bill import ADJUSTMENT, CREDIT, TAX, USAGE, BillLine, BillQuestion, tags_of

ATTEMPTS = 6  # of each page, the first included: Cost Explorer throttles early; boto3 waits between them
NOT_USAGE = {"Credit": CREDIT, "Refund": CREDIT, "Tax": TAX}  # RECORD_TYPE -> ChargeCategory
METRICS = ["UnblendedCost", "AmortizedCost", "UsageQuantity"]
NO_UNIT = {"", "N/A"}  # of quantities that were summed over several units
DENIED = (
    "AWS does not let these keys read the bill. Add ce:GetCostAndUsage to their policy, and open Cost Explorer once "
    "in the AWS console; in an organization of accounts the management account must allow members to read it."
)
NO_DATA = (
    "AWS has no cost data for these days. If Cost Explorer was opened for the first time today, it takes a day to fill."
)

CUT_OFF = "AWS's answer was not whole. The bill is read again later."


def read(credentials: Credentials, endpoint: str, asked: BillQuestion) -> Iterator[BillLine]:
    """See :class:`clouds.providers.bill.BillReader`."""
    with in_words():
        client = Cloud(credentials, "", endpoint).client("ce", attempts=ATTEMPTS)
    is_other = {"Dimensions": {"Key": "RECORD_TYPE", "Values": sorted(NOT_USAGE)}}
    for found in _days(client, asked, "SERVICE", {"Not": is_other}):
        yield from _lines(found, asked.tag, is_usage=True)
    for found in _days(client, asked, "RECORD_TYPE", is_other):
        yield from _lines(found, asked.tag, is_usage=False)


def _days(client: Any, asked: BillQuestion, dimension: str, condition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every ResultByTime; a day may come on several pages, with other groups on each."""
    question: dict[str, Any] = {
        "TimePeriod": {"Start": asked.first.isoformat(), "End": (asked.last + timedelta(days=1)).isoformat()},
        "Granularity": "DAILY",
        "Metrics": METRICS,
        "GroupBy": [{"Type": "TAG", "Key": asked.tag}, {"Type": "DIMENSION", "Key": dimension}],
        "Filter": condition,
    }
    while True:
        with in_words():
            page = _page(client, question)
        if "ResultsByTime" not in page:  # boto3 takes a body that is no JSON for an empty answer
            raise CloudUnreachable(CUT_OFF)
        yield from page["ResultsByTime"]
        if not page.get("NextPageToken"):
            return
        question["NextPageToken"] = page["NextPageToken"]


def _page(client: Any, question: dict[str, Any]) -> dict[str, Any]:
    try:
        page: dict[str, Any] = client.get_cost_and_usage(**question)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in DENIALS:
            raise NotPermitted(DENIED) from None
        if code == "DataUnavailableException":
            raise CloudUnreachable(NO_DATA) from None
        raise
    return page


def _lines(found: Mapping[str, Any], tag: str, *, is_usage: bool) -> Iterator[BillLine]:
    for group in found["Groups"]:
        marked, name = group["Keys"]
        metrics = group["Metrics"]
        billed, effective = (Decimal(metrics[each]["Amount"]) for each in METRICS[:2])
        unit = metrics["UsageQuantity"].get("Unit") or ""
        if not (billed or effective):
            continue
        yield BillLine(
            day=date.fromisoformat(found["TimePeriod"]["Start"][:10]),
            service_name=name if is_usage else f"AWS {name.lower()}",
            billed_cost=billed,
            effective_cost=effective,
            currency=metrics["UnblendedCost"]["Unit"],
            charge_category=USAGE if is_usage else NOT_USAGE.get(name, ADJUSTMENT),
            quantity=None if unit in NO_UNIT else Decimal(metrics["UsageQuantity"]["Amount"]),
            unit="" if unit in NO_UNIT else unit,
            tags=tags_of(tag, marked.partition("$")[2]),  # "skyvend-resource$0f1e…", or "skyvend-resource$"
            is_estimated=bool(found.get("Estimated")),
        )
