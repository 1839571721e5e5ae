"""BigQuery with one table in it, the billing export, and one question it can answer: our adapter's.

It does not read SQL: what was asked for are the query's parameters (first, last, project). A table exists where a
bill was put, under any name that says that it is an export.
Source: BigQuery REST reference v2, tables.get, jobs.query, jobs.getQueryResults.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request

from sandbox.simulated import bill
from sandbox.simulated.cloud import Caller
from sandbox.simulated.errors import CloudFault

if TYPE_CHECKING:
    from .cloud import Gcp

PROJECT = r"/bigquery/v2/projects/(?P<project>[^/]+)"
TABLE = re.compile(rf"{PROJECT}/datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/]+)")
QUERIES = re.compile(rf"{PROJECT}/queries")
RESULTS = re.compile(rf"{PROJECT}/queries/(?P<job>[^/]+)")
JOB = re.compile(rf"{PROJECT}/jobs/(?P<job>[^/]+)")
READ = "bigquery.tables.getData"
COLUMNS = ("usage_start_time", "service", "sku", "location", "resource", "cost_type", "currency", "usage", "labels",
           "project", "cost", "credits")  # fmt: skip
ANSWERED = [  # name, type
    ("usage_start_time", "DATE"), ("service_description", "STRING"), ("sku_description", "STRING"),
    ("location_region", "STRING"), ("resource_name", "STRING"), ("cost_type", "STRING"), ("currency", "STRING"),
    ("usage_pricing_unit", "STRING"), ("labels", "STRING"), ("cost", "NUMERIC"),
    ("usage_amount_in_pricing_units", "NUMERIC"), ("credits_amount", "NUMERIC"),
]  # fmt: skip
SCHEMA = {"fields": [{"name": name, "type": type_, "mode": "NULLABLE"} for name, type_ in ANSWERED]}


def table(cloud: Gcp, caller: Caller, _request: Request, found: re.Match[str]) -> Any:
    _require(caller)
    if "gcp_billing_export" not in found["table"] or not _bill(cloud, caller):
        where = f"{found['project']}:{found['dataset']}.{found['table']}"
        raise CloudFault(404, "notFound", f"Not found: Table {where}")
    fields = [{"name": name, "type": "STRING", "mode": "NULLABLE"} for name in COLUMNS]
    reference = {"projectId": found["project"], "datasetId": found["dataset"], "tableId": found["table"]}
    return {"kind": "bigquery#table", "tableReference": reference, "type": "TABLE", "schema": {"fields": fields}}


def query(cloud: Gcp, caller: Caller, request: Request, _found: re.Match[str]) -> Any:
    _require(caller)
    asked: dict[str, Any] = request.get_json(force=True)
    given = {each["name"]: each["parameterValue"]["value"] for each in asked["queryParameters"]}
    job = f"job-{given['first']}-to-{given['last']}"
    return _answered(cloud, caller, job, "", int(asked.get("maxResults") or bill.ROWS_PER_PAGE))


def job(_cloud: Gcp, caller: Caller, _request: Request, found: re.Match[str]) -> Any:
    """What the library asks for before it turns the page."""
    return {
        "kind": "bigquery#job",
        "id": f"{caller.scope}:EU.{found['job']}",
        "jobReference": {"projectId": caller.scope, "jobId": found["job"], "location": "EU"},
        "configuration": {"jobType": "QUERY", "query": {"query": "", "useLegacySql": False}},
        "status": {"state": "DONE"},
        "statistics": {"query": {"statementType": "SELECT"}},
    }


def results(cloud: Gcp, caller: Caller, request: Request, found: re.Match[str]) -> Any:
    _require(caller)
    size = int(request.args.get("maxResults", bill.ROWS_PER_PAGE))
    return _answered(cloud, caller, found["job"], request.args.get("pageToken", ""), size)


def _answered(cloud: Gcp, caller: Caller, job: str, token: str, size: int) -> dict[str, Any]:
    first, last = job.removeprefix("job-").split("-to-")
    rows = bill.between(_bill(cloud, caller), first, last)
    shown, following = bill.page(rows, token, min(size, bill.ROWS_PER_PAGE))
    body: dict[str, Any] = {
        "kind": "bigquery#queryResponse",
        "jobComplete": True,
        "jobReference": {"projectId": caller.scope, "jobId": job, "location": "EU"},
        "schema": SCHEMA,
        "totalRows": str(len(rows)),
        "rows": [{"f": [{"v": value} for value in _written(row)]} for row in shown],
    }
    return {**body, **({"pageToken": following} if following else {})}


def _written(row: bill.Row) -> list[str | None]:
    labels = [{"key": name, "value": value} for name, value in row.get("tags", {}).items()]
    is_credit = row.get("category") == "Credit"
    cost = str(row["cost"])
    return [
        row["day"], row["service"], row.get("sku"), row.get("region"), row.get("resource"),
        "tax" if row.get("category") == "Tax" else "regular", "USD", row.get("unit"), json.dumps(labels),
        "0" if is_credit else cost, str(row["quantity"]) if "quantity" in row else None, cost if is_credit else "0",
    ]  # fmt: skip


def _bill(cloud: Gcp, caller: Caller) -> list[bill.Row]:
    found: list[bill.Row] = cloud.store.setting(f"bill:{caller.scope}", [])
    return found


def _require(caller: Caller) -> None:
    if READ in caller.denied:
        raise CloudFault(403, "accessDenied", f"Access Denied: Permission {READ} denied.")
