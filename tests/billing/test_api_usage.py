"""/billing/usage: every row, found by what is asked, counted without counting, as pages and as CSV."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Organization, User
from billing import metering, services
from billing.models import LedgerEntry, Meter, UsageRecord
from billing.usage import COLUMNS, UsageRows, Wanted
from tests.billing.usage import NOON, facts, line, run

Api = Callable[..., APIClient]
URL = "/api/v1/billing/usage"
ONE, TWO, THREE = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
ACCOUNT = "11111111-0000-4000-8000-000000000001"
pytestmark = pytest.mark.django_db


@pytest.fixture
def used(tenant: SimpleNamespace) -> Organization:
    """Two hours of a machine with its address, one and a half of a free cluster, two of a bucket in an account gone."""
    organization: Organization = tenant.organization
    paid = line("aws:compute:t3.small", "0.02", unit_price=Decimal("0.0166666667"))
    run(
        organization, paid, line("aws:ipv4", "0.005"), reference=f"resource:{ONE}", tags={"team": "data", "env": "prod"}
    )
    run(
        organization, line("azure:aks:free", "0"), at=NOON + timedelta(minutes=30), reference=f"resource:{TWO}",
        provider="azure", kind="kubernetes", tags={"team": "data"},
    )  # fmt: skip
    storage = line("gcp:storage:standard", "0.02", "500", unit="gib_month", region="europe-west1")
    run(
        organization, storage, reference=f"resource:{THREE}", provider="gcp", kind="bucket", cloud_account="",
        cloud_account_name="", region="europe-west1",
    )  # fmt: skip
    metering.book_usage(until=NOON + timedelta(hours=2))
    return organization


def rows_of(client: APIClient, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.json()
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_a_row_says_what_was_used_and_what_it_cost(api: Api, tenant: SimpleNamespace, used: Organization) -> None:
    rows = rows_of(api(tenant.viewer), sku="aws:compute:t3.small")
    record = UsageRecord.objects.filter(meter__sku="aws:compute:t3.small").latest("hour")
    entry = LedgerEntry.objects.get(reference="usage:2026-03-02T13")
    assert rows[0] == {
        "id": record.pk,
        "hour": "2026-03-02T13:00:00Z",
        "seconds": 3600,
        "quantity": "1.000000",
        "unit": "hour",
        "sku": "aws:compute:t3.small",
        "label": "t3.small",
        "list_price": "0.020000",
        "unit_price": "0.016666667",  # as the meter keeps it, with nine places
        "amount": "0.016666",  # 2 h cost 0.033333, 1 h 0.016667
        "currency": "USD",
        "catalogue": "test",
        "resource": ONE,
        "resource_name": ONE,
        "provider": "aws",
        "kind": "vm",
        "region": "eu-west-1",
        "cloud_account": ACCOUNT,
        "cloud_account_name": "production",
        "tags": {"team": "data", "env": "prod"},
        "meter": Meter.objects.get(sku="aws:compute:t3.small").pk,
        "entry": str(entry.pk),
    }
    assert [row["hour"][11:13] for row in rows] == ["13", "12"]


def test_rows_come_newest_first_and_add_up_to_the_ledger(api: Api, tenant: SimpleNamespace, used: Organization) -> None:
    rows = rows_of(api(tenant.viewer))
    assert [(row["hour"], row["id"]) for row in rows] == sorted(((r["hour"], r["id"]) for r in rows), reverse=True)
    assert len(rows) == UsageRecord.objects.count() == 8
    by_entry: dict[str, Decimal] = {}
    for row in rows:
        if row["entry"]:
            by_entry[row["entry"]] = by_entry.get(row["entry"], Decimal(0)) + Decimal(row["amount"])
    assert by_entry == {str(entry.pk): -entry.amount for entry in LedgerEntry.objects.filter(kind="charge")}


def test_what_is_free_in_a_free_hour_has_no_entry(api: Api, tenant: SimpleNamespace) -> None:
    run(tenant.organization, line("azure:aks:free", "0"), reference=f"resource:{TWO}", provider="azure")
    metering.book_usage(until=NOON + timedelta(hours=1))
    row = rows_of(api(tenant.viewer))[0]
    assert (row["entry"], row["amount"]) == (None, "0.000000")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"resource": ONE}, 4),
        ({"resource": str(uuid.uuid4())}, 0),
        ({"provider": "azure"}, 2),
        ({"kind": "bucket"}, 2),
        ({"cloud_account": ACCOUNT}, 6),
        ({"sku": "aws:ipv4"}, 2),
        ({"sku": "aws:"}, 4),
        ({"sku": "aws:compute"}, 0),
        ({"tag": "team=data"}, 6),
        ({"tag": "team=data,env=prod"}, 4),
        ({"tag": "env"}, 4),
        ({"tag": "team=web"}, 0),
        ({"from": "2026-03-02", "to": "2026-03-02"}, 8),
        ({"from": "2026-03-03"}, 0),
        ({"to": "2026-03-01"}, 0),
        ({"provider": "aws", "sku": "aws:ipv4", "tag": "team", "from": "2026-03-01"}, 2),
        ({"provider": "aws", "kind": "bucket"}, 0),
    ],
)
def test_usage_is_narrowed_and_counted_by_what_is_asked(
    api: Api, tenant: SimpleNamespace, used: Organization, query: dict, found: int
) -> None:
    answer = api(tenant.viewer).get(URL, query).json()
    assert (len(answer["results"]), answer["count"]) == (found, found)
    lines = b"".join(api(tenant.viewer).get(URL, {**query, "format": "csv"}).streaming_content).decode()
    assert [int(row["id"]) for row in csv.DictReader(io.StringIO(lines))] == [row["id"] for row in answer["results"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"resource": "web-1"}, "resource"),
        ({"provider": "ibm"}, "provider"),
        ({"kind": "database"}, "kind"),
        ({"cloud_account": "production"}, "cloud_account"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from"),
        ({"to": "9999-12-31"}, "to"),
        ({"format": "xml"}, "format"),
        ({"sku": "x" * 81}, "sku"),
        ({"tag": "nul\x00"}, "tag"),
    ],
)
def test_a_question_without_sense_is_400(api: Api, tenant: SimpleNamespace, query: dict, field: str) -> None:
    answer = api(tenant.viewer).get(URL, query)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_pages_hold_every_row_once(api: Api, tenant: SimpleNamespace, used: Organization) -> None:
    client = api(tenant.viewer)
    first = client.get(URL, {"page_size": 3}).json()
    assert (first["count"], first["previous"], len(first["results"])) == (8, None, 3)
    seen, following = [row["id"] for row in first["results"]], first["next"]
    while following:
        page = client.get(following).json()
        seen += [row["id"] for row in page["results"]]
        following = page["next"]
    assert seen == [row["id"] for row in rows_of(client)]
    assert client.get(URL, {"page": 99}).status_code == 404


def test_a_page_takes_the_same_queries_however_much_there_is_and_counts_no_usage(
    api: Api, tenant: SimpleNamespace, used: Organization
) -> None:
    client, query = api(tenant.viewer), {"provider": "aws", "sku": "aws:", "tag": "team"}

    def asked() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert rows_of(client, **query)
        return [each["sql"] for each in queries]

    few = asked()
    for number in range(4, 9):
        known = {"reference": f"resource:00000000-0000-4000-8000-00000000000{number}", "tags": {"team": "web"}}
        run(used, line("aws:compute:t3.small"), line("aws:ipv4", "0.005"), **known)
    metering.book_usage(until=NOON + timedelta(hours=9))
    many = asked()
    assert len(many) == len(few)
    assert not [sql for sql in many if "COUNT(" in sql.upper()]


def test_the_count_follows_every_resize_and_partial_hour(used: Organization) -> None:
    for minutes in (130, 140, 200, 1501):
        price = f"0.0{minutes}"
        run(
            used, line("aws:compute:t3.small", price), at=NOON + timedelta(minutes=minutes), reference=f"resource:{ONE}"
        )
    metering.book_usage(until=NOON + timedelta(hours=40))
    account = services.account_of(used)
    for wanted in (Wanted(), Wanted(resource=ONE), Wanted(sku="aws:"), Wanted(first=date(2026, 3, 3), kind="vm")):
        rows = UsageRows(account, wanted)
        assert rows.count() == len(rows[0:10_000]) > 0


def test_csv_has_the_same_figures(api: Api, tenant: SimpleNamespace, used: Organization) -> None:
    answer = api(tenant.viewer).get(URL, {"format": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    read = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    rows = rows_of(api(tenant.viewer))
    assert list(read[0]) == list(rows[0]) == list(COLUMNS)
    numbers = {"quantity", "list_price", "unit_price", "amount"}
    for written, row in zip(read, rows, strict=True):
        for name, value in row.items():
            if name in numbers:
                assert Decimal(written[name]) == Decimal(value)
            elif name == "tags":
                assert json.loads(written[name]) == value
            else:
                assert written[name] == ("" if value is None else str(value))


def test_a_renamed_tag_is_seen_in_old_rows_and_nothing_else_changes(
    api: Api, tenant: SimpleNamespace, used: Organization
) -> None:
    before = rows_of(api(tenant.viewer), resource=ONE)
    metering.describe(organization=used, facts=facts(f"resource:{ONE}", name=ONE, tags={"team": "web"}))
    after = rows_of(api(tenant.viewer), resource=ONE)
    assert [{**row, "tags": {"team": "web"}} for row in before] == after


def test_strangers_see_nothing_of_it(api: Api, used: Organization, stranger: User) -> None:
    assert rows_of(api(stranger)) == []
    assert rows_of(api(stranger), resource=ONE) == []
    assert b"".join(api(stranger).get(URL, {"format": "csv"}).streaming_content).decode().splitlines() == [
        ",".join(COLUMNS)
    ]
