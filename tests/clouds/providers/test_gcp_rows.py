"""Rows of Google's billing export: nested as the export is, flat as queries and CSV files are."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from clouds.providers.gcp_rows import lines_of, rows_of_file

NESTED: dict[str, Any] = {
    "billing_account_id": "012345-6789AB-CDEF01",
    "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
    "sku": {"id": "C054", "description": "N2 Instance Core running in Belgium"},
    "usage_start_time": "2026-11-01 23:00:00 UTC",
    "project": {"id": "acme", "labels": []},
    "labels": [{"key": "skyvend-resource", "value": "r-1"}, {"key": "team", "value": "data"}],
    "location": {"location": "europe-west1", "region": "europe-west1", "zone": "europe-west1-b"},
    "cost": 1.25,
    "cost_at_list": 2.5,
    "currency": "EUR",
    "cost_type": "regular",
    "usage": {"amount": 3600, "unit": "seconds", "amount_in_pricing_units": 1, "pricing_unit": "hour"},
    "credits": [{"name": "Sustained use", "amount": -0.25}, {"name": "Committed", "amount": -0.5}],
    "resource": {"name": "vm", "global_name": "//compute.googleapis.com/projects/acme/zones/z/instances/1"},
}
FLAT = {
    "usage_start_time": "2026-11-01T23:00:00Z", "service.description": "Compute Engine",
    "sku_description": "N2 Instance Core running in Belgium", "location_region": "europe-west1", "cost": "1.25",
    "cost_at_list": "2.5", "currency": "EUR", "labels": json.dumps(NESTED["labels"]),
    "credits": json.dumps(NESTED["credits"]), "usage_amount_in_pricing_units": "1", "usage.pricing_unit": "hour",
    "resource_name": NESTED["resource"]["global_name"],
}  # fmt: skip


@pytest.mark.parametrize("row", [NESTED, FLAT, {**FLAT, "credits": "", "credits_amount": "-0.75"}])
def test_a_row_is_a_line_and_a_line_of_its_credits(row: dict[str, Any]) -> None:
    usage, credit = lines_of(row)
    assert (usage.day, usage.service_name, usage.service_category) == (date(2026, 11, 1), "Compute Engine", "Compute")
    assert (usage.billed_cost, usage.list_cost, usage.currency) == (Decimal("1.25"), Decimal("2.5"), "EUR")
    assert usage.tags == {"skyvend-resource": "r-1", "team": "data"}
    assert (usage.quantity, usage.unit, usage.region) == (1, "hour", "europe-west1")
    assert usage.external_resource_id.endswith("/instances/1")
    assert (credit.charge_category, credit.billed_cost, credit.quantity) == ("Credit", Decimal("-0.75"), None)
    assert credit.tags == usage.tags


@pytest.mark.parametrize(
    ("kind", "category"),
    [("regular", "Usage"), ("tax", "Tax"), ("adjustment", "Adjustment"), ("rounding error", "Adjustment")],
)
def test_kinds_of_cost_are_those_of_focus(kind: str, category: str) -> None:
    line, *_ = lines_of({**NESTED, "cost_type": kind})
    assert line.charge_category == category


def test_days_are_utc_whatever_the_row_says() -> None:
    (line,) = lines_of({**NESTED, "credits": [], "usage_start_time": "2026-11-01T23:00:00-08:00"})
    assert line.day == date(2026, 11, 2)


def test_what_is_everywhere_has_no_region() -> None:
    line, *_ = lines_of({**NESTED, "location": {"location": "global", "region": None}})
    assert line.region == ""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cost": "a lot"}, "cost is not a number"),
        ({"cost": "NaN"}, "cost is not a number"),
        ({"currency": None}, "no currency"),
        ({"usage_start_time": "yesterday"}, "usage_start_time"),
        ({"labels": '{"a": 1}'}, "lists of objects"),
        ({"labels": "[1]"}, "lists of objects"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(lines_of({**NESTED, **changed}))


def test_a_file_of_json_lines_keeps_amounts_exact() -> None:
    written = [json.dumps(NESTED).replace("1.25", "0.1000000000000000055"), "\n", "  "]
    (row,) = rows_of_file("rows.jsonl", written)
    assert row["cost"] == Decimal("0.1000000000000000055")


def test_a_csv_file_is_read_by_its_header() -> None:
    rows = list(rows_of_file("Rows.CSV", ["usage_start_time,cost,currency\n", "2026-11-01,1,EUR\n"]))
    assert [line.billed_cost for row in rows for line in lines_of(row)] == [1]


@pytest.mark.parametrize(("text", "words"), [("{", "Line 2 is not JSON"), ("[1]", "Line 2 is not a row")])
def test_a_broken_file_names_the_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(rows_of_file("rows.jsonl", ["{}\n", text]))
