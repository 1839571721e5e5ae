"""Google's bill from its export to BigQuery: Google has no cost API, a tenant lets it write a table.

The table is summed up by day, resource, SKU and labels where it lies; what comes here is a bill's worth of rows. The
schema grows, so the table is asked for its columns first. Rows arrive up to days late, which is why open periods are
read again. What a query costs is what it scans: partitions by the day of export keep old ones out.
Source: Google Cloud Billing, "Structure of Detailed data export"; BigQuery REST reference, jobs.query, tables.get.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.api_core import exceptions as answers
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from .base import CloudUnreachable, Credentials, NotPermitted
from .bill import BillLine, BillQuestion
from .gcp_rows import TABLE, lines_of
from .gcp_sdk import Cloud, in_words

PATIENCE = 300  # seconds until a query has answered, waiting and asking again included
ROWS_AT_ONCE = 5_000
NO_TABLE = (
    "Google has no cost API: switch on the billing export to BigQuery and enter its table here, such as "
    "my-project.billing.gcp_billing_export_resource_v1_012345_6789AB_CDEF01."
)
NOT_FOUND = "There is no table {table} in BigQuery. Copy its name from the billing export; it appears within a day."
NOT_A_BILL = "The table {table} is not a billing export: it lacks {lacks}."
DENIED = (
    "Google does not let this service account read the billing export. Give it BigQuery Job User in its own project "
    "and BigQuery Data Viewer on the dataset of the export."
)
NEEDED = {"usage_start_time", "cost", "currency", "service", "sku", "labels", "project"}

# Column of the export: (as it is selected, under which name). Those that are sums follow below.
GROUPED = {
    "usage_start_time": ("DATE(usage_start_time)", "usage_start_time"),
    "service": ("service.description", "service_description"),
    "sku": ("sku.description", "sku_description"),
    "location": ("IFNULL(location.region, location.location)", "location_region"),
    "resource": ("IFNULL(resource.global_name, resource.name)", "resource_name"),
    "cost_type": ("cost_type", "cost_type"),
    "currency": ("currency", "currency"),
    "usage": ("usage.pricing_unit", "usage_pricing_unit"),
    "labels": ("TO_JSON_STRING(labels)", "labels"),
}
SUMMED = {
    "cost": ("SUM(CAST(cost AS NUMERIC))", "cost"),
    "cost_at_list": ("SUM(CAST(cost_at_list AS NUMERIC))", "cost_at_list"),
    "usage": ("SUM(CAST(usage.amount_in_pricing_units AS NUMERIC))", "usage_amount_in_pricing_units"),
    "credits": (
        "SUM((SELECT IFNULL(SUM(CAST(c.amount AS NUMERIC)), 0) FROM UNNEST(credits) AS c))",
        "credits_amount",
    ),
}


def read(credentials: Credentials, endpoint: str, asked: BillQuestion) -> Iterator[BillLine]:
    """See :class:`clouds.providers.bill.BillReader`. Only what the account's own project was billed."""
    if not asked.export:
        raise NotPermitted(NO_TABLE)
    if not TABLE.fullmatch(asked.export):
        raise NotPermitted(f"{asked.export[:80]} is not the name of a table: project.dataset.table.")
    cloud = Cloud(credentials, endpoint)
    with in_words():
        options = {"api_endpoint": endpoint} if endpoint else None
        client = bigquery.Client(project=cloud.project_id, credentials=cloud.credentials, client_options=options)
    statement = _statement(asked.export, _columns(client, asked.export))
    for row in _rows(client, statement, cloud.project_id, asked):
        yield from lines_of(row)


def _columns(client: bigquery.Client, table: str) -> set[str]:
    retry = DEFAULT_RETRY.with_timeout(PATIENCE)
    with in_words():
        try:
            schema = client.get_table(table, retry=retry, timeout=PATIENCE).schema
        except (answers.GoogleAPICallError, answers.RetryError) as error:
            raise _explained(error, table) from None
    names = {each.name for each in schema}
    if lacks := sorted(NEEDED - names):
        raise CloudUnreachable(NOT_A_BILL.format(table=table, lacks=", ".join(lacks)))
    return names


def _statement(table: str, columns: set[str]) -> str:
    """The question for these columns. Only the table's name goes into its text, and that was checked."""
    grouped = [f"{what} AS {name}" for column, (what, name) in GROUPED.items() if column in columns]
    summed = [f"{what} AS {name}" for column, (what, name) in SUMMED.items() if column in columns]
    partition = "_PARTITIONTIME >= TIMESTAMP(@first) AND " if "gcp_billing_export_" in table else ""
    return (
        f"SELECT {', '.join(grouped + summed)} FROM `{table}` "  # noqa: S608  - constants and a checked name
        f"WHERE {partition}usage_start_time >= TIMESTAMP(@first) "
        "AND usage_start_time < TIMESTAMP(DATE_ADD(@last, INTERVAL 1 DAY)) AND project.id = @project "
        f"GROUP BY {', '.join(str(number) for number in range(1, len(grouped) + 1))}"
    )


def _rows(client: bigquery.Client, statement: str, project: str, asked: BillQuestion) -> Iterator[dict[str, Any]]:
    parameters = [
        bigquery.ScalarQueryParameter("first", "DATE", asked.first),
        bigquery.ScalarQueryParameter("last", "DATE", asked.last),
        bigquery.ScalarQueryParameter("project", "STRING", project),
    ]
    config = bigquery.QueryJobConfig(query_parameters=parameters)
    retry = DEFAULT_RETRY.with_timeout(PATIENCE)
    with in_words():
        try:
            found = client.query_and_wait(
                statement, job_config=config, page_size=ROWS_AT_ONCE, wait_timeout=PATIENCE, retry=retry
            )
            rows = iter(found)
        except (answers.GoogleAPICallError, answers.RetryError) as error:
            raise _explained(error, asked.export) from None
    while (row := _next(rows, asked.export)) is not None:
        yield row


def _next(rows: Iterator[Any], table: str) -> dict[str, Any] | None:
    """The next row, which may lie on the next page."""
    with in_words():
        try:
            row = next(rows, None)
        except (answers.GoogleAPICallError, answers.RetryError) as error:
            raise _explained(error, table) from None
    return None if row is None else dict(row.items())


def _explained(error: answers.GoogleAPICallError | answers.RetryError, table: str) -> Exception:
    if isinstance(error, answers.Forbidden) and "SERVICE_DISABLED" not in str(error) and "quota" not in str(error):
        return NotPermitted(DENIED)
    if isinstance(error, answers.NotFound):
        return CloudUnreachable(NOT_FOUND.format(table=table))
    if isinstance(error, answers.RetryError) or error.code in {429, 500, 502, 503}:
        return CloudUnreachable("BigQuery did not answer in time. The bill is read again later.")
    return error  # for in_words
