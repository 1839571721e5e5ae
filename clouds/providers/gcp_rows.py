"""Rows of Google's billing export as lines of a bill, whether they come from BigQuery or from a file.

A row may be nested, as the export is ("service": {"description": …}), or flat, as a query or a CSV gives it
("service.description", "service_description"); labels and credits may be lists, or JSON in text. Credits come with
the usage they reduce, negative, and become lines of their own: FOCUS keeps them apart. Without Google's libraries.
Source: Google Cloud Billing, "Structure of Standard data export" and "… Detailed data export".
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from .bill import ADJUSTMENT, CREDIT, TAX, USAGE, BillLine, text

# A table of BigQuery: project.dataset.table. It gets into a query's text, so nothing else may pass.
TABLE = re.compile(r"[a-z][a-z0-9:.-]{4,61}[a-z0-9]\.[A-Za-z0-9_]{1,128}\.[A-Za-z0-9_]{1,128}")
CATEGORY_OF = {"regular": USAGE, "tax": TAX, "adjustment": ADJUSTMENT, "rounding_error": ADJUSTMENT}  # by cost_type
NO_REGIONS = {"", "global"}


def lines_of(row: Mapping[str, Any]) -> Iterator[BillLine]:
    """The line of a row and, where it has credits, a line of these. Raises ``ValueError`` in words."""
    line = BillLine(
        day=_day(_value(row, "usage_start_time")),
        service_name=str(_value(row, "service.description") or "Google Cloud"),
        billed_cost=_number(row, "cost") or Decimal(0),
        list_cost=_number(row, "cost_at_list"),
        currency=str(_value(row, "currency") or ""),
        charge_category=CATEGORY_OF.get(str(_value(row, "cost_type") or "regular").replace(" ", "_"), ADJUSTMENT),
        region=_region(row),
        sku=str(_value(row, "sku.description") or ""),
        quantity=_number(row, "usage.amount_in_pricing_units"),
        unit=str(_value(row, "usage.pricing_unit") or ""),
        external_resource_id=str(_value(row, "resource.global_name") or _value(row, "resource.name") or ""),
        tags=_labels(_value(row, "labels")),
    )
    if len(line.currency) != 3:
        raise ValueError("a row has no currency")
    yield line
    if credit := _credits(row):
        yield replace(line, charge_category=CREDIT, billed_cost=credit, list_cost=credit, quantity=None, unit="")


def rows_of_file(name: str, content: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Rows of a file: JSON lines, or CSV when its name ends so. Raises ``ValueError`` that names the line."""
    if name.lower().endswith(".csv"):
        yield from csv.DictReader(content)
        return
    for number, written in enumerate(content, 1):
        if not written.strip():
            continue
        try:
            row = json.loads(written, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise ValueError(f"Line {number} is not JSON: export the rows as newline-delimited JSON.") from None
        if not isinstance(row, dict):
            raise ValueError(f"Line {number} is not a row: it must be a JSON object.")  # noqa: TRY004  - one error type
        yield row


def _value(row: Mapping[str, Any], path: str) -> Any:
    """What the row says under ``path``, nested, dotted or with underscores."""
    first, _, rest = path.partition(".")
    within = row.get(first)
    if rest and isinstance(within, Mapping):
        return within.get(rest)
    return row.get(path, row.get(path.replace(".", "_"))) if rest else within


def _number(row: Mapping[str, Any], path: str) -> Decimal | None:
    value = _value(row, path)
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError(f"{path} is not a number in one of the rows") from None
    if not number.is_finite():
        raise ValueError(f"{path} is not a number in one of the rows")
    return number


def _day(value: Any) -> date:
    """A date, a moment, or either in text: "2026-11-01 00:00:00 UTC" as BigQuery writes it."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).date()
    if isinstance(value, date):
        return value
    written = str(value or "").strip().removesuffix(" UTC")
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).date()
    except (ValueError, OverflowError):  # a moment of the year 1 may lie before it in UTC
        raise ValueError("a row has no usage_start_time that can be read") from None


def _region(row: Mapping[str, Any]) -> str:
    """Empty for what is nowhere in particular."""
    region = str(_value(row, "location.region") or _value(row, "location.location") or "")
    return "" if region in NO_REGIONS else region


def _listed(value: Any) -> list[Mapping[str, Any]]:
    found = json.loads(value) if isinstance(value, str) and value.strip() else value or []
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise ValueError("labels and credits must be lists of objects")
    return found


def _labels(value: Any) -> dict[str, str]:
    return {text(each, "key"): text(each, "value") for each in _listed(value) if each.get("key")}


def _credits(row: Mapping[str, Any]) -> Decimal:
    """What is taken off, as the row says it in one sum or one by one: zero or less."""
    if (total := _number(row, "credits_amount")) is not None:
        return total
    return sum((_number(each, "amount") or Decimal(0) for each in _listed(_value(row, "credits"))), Decimal(0))
