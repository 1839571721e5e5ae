"""Google's bill from BigQuery, against the simulated Google Cloud with Google's own library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from google.cloud import bigquery

from clouds.providers import CloudUnreachable, NotPermitted, gcp_costs
from clouds.providers.bill import BillLine, BillQuestion
from clouds.providers.gcp_costs import read
from tests.plugin import SimulatedCloud

TAG = "skyvend-resource"


@pytest.fixture
def given(gcp_cloud: SimulatedCloud) -> dict[str, str]:
    """Of a service account with a project of its own."""
    return dict(gcp_cloud.control("POST", "principals", {}).json())


def project_of(given: dict[str, str]) -> str:
    return str(json.loads(given["service_account_key"])["project_id"])


def table_of(given: dict[str, str]) -> str:
    return f"{project_of(given)}.billing.gcp_billing_export_resource_v1_012345_6789AB_CDEF01"


def put(cloud: SimulatedCloud, given: dict[str, str], *rows: dict[str, Any]) -> None:
    cloud.control("PUT", "bill", {"scope": project_of(given), "rows": list(rows)})


def lines(cloud: SimulatedCloud, given: dict[str, str], table: str = "") -> list[BillLine]:
    asked = BillQuestion(date(2026, 11, 1), date(2026, 11, 30), TAG, table or table_of(given))
    return list(read(given, cloud.endpoint, asked))


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcp_costs, "PATIENCE", 3)


@pytest.fixture
def planted(gcp_cloud: SimulatedCloud) -> Iterator[Any]:
    yield lambda **fault: gcp_cloud.control("POST", "faults", fault)
    gcp_cloud.control("DELETE", "faults")


def test_the_export_is_read_page_by_page(gcp_cloud: SimulatedCloud, given: dict[str, str]) -> None:
    rows = [
        {
            "day": f"2026-11-{number % 28 + 1:02d}", "service": "Compute Engine", "sku": "N2 Core", "cost": "0.125",
            "tags": {TAG: f"r-{number}", "team": "data"}, "region": "europe-west1", "quantity": "2", "unit": "hour",
            "resource": f"vm-{number}",
        }
        for number in range(230)
    ]  # fmt: skip
    put(gcp_cloud, given, *rows, {"day": "2026-10-31", "service": "Compute Engine", "cost": "9"})
    found = lines(gcp_cloud, given)
    assert len(found) == 230
    assert sum(line.billed_cost for line in found) == Decimal("28.75")
    line = next(line for line in found if line.tags[TAG] == "r-7")
    assert (line.day, line.service_category, line.sku, line.region) == (
        date(2026, 11, 8), "Compute", "N2 Core", "europe-west1",
    )  # fmt: skip
    assert (line.quantity, line.unit, line.currency) == (Decimal(2), "hour", "USD")
    assert (line.external_resource_id, line.tags["team"]) == ("vm-7", "data")


def test_credits_and_taxes_are_lines_of_their_own(gcp_cloud: SimulatedCloud, given: dict[str, str]) -> None:
    put(
        gcp_cloud, given,
        {"day": "2026-11-02", "service": "Compute Engine", "cost": "-0.5", "category": "Credit", "tags": {TAG: "r-1"}},
        {"day": "2026-11-02", "service": "Invoice", "cost": "0.2", "category": "Tax"},
    )  # fmt: skip
    found = {(line.charge_category, line.billed_cost) for line in lines(gcp_cloud, given) if line.billed_cost}
    assert found == {("Credit", Decimal("-0.5")), ("Tax", Decimal("0.2"))}


def test_a_table_that_is_not_there_is_named(gcp_cloud: SimulatedCloud, given: dict[str, str]) -> None:
    table = f"{project_of(given)}.billing.something"
    with pytest.raises(CloudUnreachable, match=f"no table {table}"):
        lines(gcp_cloud, given, table)


def test_missing_roles_are_named(gcp_cloud: SimulatedCloud) -> None:
    given = dict(gcp_cloud.control("POST", "principals", {"denied": ["bigquery.tables.getData"]}).json())
    with pytest.raises(NotPermitted, match="BigQuery Data Viewer"):
        lines(gcp_cloud, given)


@pytest.mark.parametrize("table", ["no-dots", "a.b`; DROP TABLE x; --.c", "Project.d.t", "p.d.t`"])
def test_only_a_tables_name_gets_into_the_question(
    given: dict[str, str], gcp_cloud: SimulatedCloud, table: str
) -> None:
    with pytest.raises(NotPermitted, match="not the name of a table"):
        lines(gcp_cloud, given, table)


def test_without_a_table_it_is_said_where_to_make_one(given: dict[str, str]) -> None:
    with pytest.raises(NotPermitted, match="switch on the billing export"):
        list(read(given, "", BillQuestion(date(2026, 11, 1), date(2026, 11, 2), TAG)))


def test_throttling_is_waited_out(gcp_cloud: SimulatedCloud, given: dict[str, str], planted: Any) -> None:
    put(gcp_cloud, given, {"day": "2026-11-02", "service": "Compute Engine", "cost": "1"})
    planted(operation="list", nth=1, times=2, status=429, code="rateLimitExceeded", message="Exceeded rate limits")
    assert len(lines(gcp_cloud, given)) == 1


@pytest.mark.usefixtures("_impatient")
def test_throttling_without_end_is_said(gcp_cloud: SimulatedCloud, given: dict[str, str], planted: Any) -> None:
    planted(operation="list", times=1000, status=429, code="rateLimitExceeded", message="Exceeded rate limits")
    with pytest.raises(CloudUnreachable, match="did not answer in time"):
        lines(gcp_cloud, given)


@pytest.mark.usefixtures("_impatient")
def test_a_lost_connection_is_no_answer(gcp_cloud: SimulatedCloud, given: dict[str, str], planted: Any) -> None:
    put(gcp_cloud, given, {"day": "2026-11-02", "service": "Compute Engine", "cost": "1"})
    planted(operation="list", times=1000, action="drop")
    with pytest.raises(CloudUnreachable):
        lines(gcp_cloud, given)


def test_the_question_names_only_columns_that_the_table_has() -> None:
    columns = {"usage_start_time", "service", "sku", "location", "labels", "project", "cost", "currency", "credits"}
    plain = gcp_costs._statement("p.d.gcp_billing_export_v1_1", columns)
    assert "_PARTITIONTIME >= TIMESTAMP(@first)" in plain
    assert "resource." not in plain
    assert "cost_at_list" not in plain
    assert plain.endswith("GROUP BY 1, 2, 3, 4, 5, 6")
    own_view = gcp_costs._statement("p.d.my_view", {*columns, "resource", "cost_at_list"})
    assert "_PARTITIONTIME" not in own_view
    assert "SUM(CAST(cost_at_list AS NUMERIC)) AS cost_at_list" in own_view


def test_a_table_of_something_else_is_no_bill(
    gcp_cloud: SimulatedCloud, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = bigquery.Table("p.d.t", schema=[bigquery.SchemaField("name", "STRING")])
    monkeypatch.setattr(bigquery.Client, "get_table", lambda *_, **__: other)
    with pytest.raises(CloudUnreachable, match="lacks cost, currency, labels, project, service, sku"):
        lines(gcp_cloud, given)
