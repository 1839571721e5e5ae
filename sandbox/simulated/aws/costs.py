"""Cost Explorer's GetCostAndUsage, which moto answers only with what it was told to say next.

Source: AWS Cost Explorer Service API reference, GetCostAndUsage.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox.simulated import bill

RECORD_TYPES = {"Usage": "Usage", "Tax": "Tax", "Credit": "Credit"}  # by FOCUS's category


def answer(rows: Iterable[bill.Row], asked: dict[str, Any], today: date) -> dict[str, Any]:
    """The answer to a question grouped by a tag and one dimension, which may want or not want some record types."""
    period = asked["TimePeriod"]
    last = (date.fromisoformat(period["End"]) - timedelta(days=1)).isoformat()
    wanted = [
        {**row, "record_type": RECORD_TYPES[row.get("category", "Usage")]}
        for row in bill.between(rows, period["Start"], last)
    ]
    wanted = [row for row in wanted if _fits(row["record_type"], asked.get("Filter", {}))]
    tag, dimension = (each["Key"] for each in asked["GroupBy"])
    sums = sorted(bill.summed(wanted, "day", f"tag:{tag}", dimension.lower()).items())
    shown, token = bill.page(sums, asked.get("NextPageToken", ""))
    days: dict[str, list[dict[str, Any]]] = {}
    for (day, value, name), cost in shown:
        days.setdefault(day, []).append({"Keys": [f"{tag}${value}", name], "Metrics": _metrics(cost)})
    results = [_result(day, groups, today) for day, groups in days.items()]
    body = {"GroupDefinitions": asked["GroupBy"], "ResultsByTime": results, "DimensionValueAttributes": []}
    return {**body, **({"NextPageToken": token} if token else {})}


def _fits(record_type: str, condition: dict[str, Any]) -> bool:
    if "Not" in condition:
        return not _fits(record_type, condition["Not"])
    dimension = condition.get("Dimensions")
    return dimension is None or record_type in dimension["Values"]


def _metrics(cost: Decimal) -> dict[str, Any]:
    money = {"Amount": str(cost), "Unit": "USD"}
    return {"UnblendedCost": money, "AmortizedCost": money, "UsageQuantity": {"Amount": "24", "Unit": "N/A"}}


def _result(day: str, groups: list[dict[str, Any]], today: date) -> dict[str, Any]:
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    is_estimated = day[:7] == today.isoformat()[:7]
    return {"TimePeriod": {"Start": day, "End": following}, "Total": {}, "Groups": groups, "Estimated": is_estimated}
