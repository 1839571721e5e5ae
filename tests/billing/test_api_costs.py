from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import metering

from .usage import NOON, line, run

pytestmark = pytest.mark.django_db
URL = "/api/v1/billing/costs"
DAYS = f"{URL}?from=2026-03-01&to=2026-03-03"


@pytest.fixture
def client(tenant, api):
    return api(tenant.viewer)


@pytest.fixture
def used(tenant):
    """A day of a VM of team=data on AWS, from noon of 2 March, and of one on Azure."""
    run(tenant.organization, line(price="1"), tags={"team": "data"})
    run(tenant.organization, line(price="0.5"), reference="resource:2", provider="azure", cloud_account="other")
    metering.book_usage(until=NOON + timedelta(days=1))


def test_series_have_every_day_and_add_up(client, used):
    answer = client.get(f"{DAYS}&group_by=provider")
    assert answer.status_code == 200
    found = answer.json()
    groups = found.pop("groups")
    assert found == {
        "from": "2026-03-01",
        "to": "2026-03-03",
        "group_by": "provider",
        "tag_name": "",
        "currency": "USD",
        "total": "36.000000",
    }
    assert groups[0] == {
        "key": "aws",
        "label": "AWS",
        "is_rest": False,
        "total": "24.000000",
        "days": [
            {"day": "2026-03-01", "amount": "0.000000"},
            {"day": "2026-03-02", "amount": "12.000000"},
            {"day": "2026-03-03", "amount": "12.000000"},
        ],
    }
    assert sum(Decimal(group["total"]) for group in groups) == Decimal(found["total"])


def test_filters_narrow_and_combine(client, used):
    totals = {
        query: client.get(f"{DAYS}&{query}").json()["total"]
        for query in ("provider=azure", "account=other", "kind=vm", "tag=team=data", "tag=team=data&provider=azure")
    }
    assert list(totals.values()) == ["12.000000", "12.000000", "36.000000", "24.000000", "0.000000"]


def test_the_rest_is_one_more_group(client, used):
    groups = client.get(f"{DAYS}&group_by=resource&top=1").json()["groups"]
    assert [(group["key"], group["label"], group["is_rest"], group["total"]) for group in groups] == [
        ("resource:1", "1", False, "24.000000"),
        ("", "1 more", True, "12.000000"),
    ]


def test_without_days_it_is_this_month(client):
    found = client.get(URL).json()
    today = timezone.now().date()
    assert (found["from"], found["to"]) == (str(today.replace(day=1)), str(today))
    assert found["groups"] == []
    assert client.get(f"{URL}?to=2026-02-10").json()["from"] == str(date(2026, 2, 1))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("group_by=colour", "group_by"),
        ("from=yesterday", "from"),
        ("from=2026-03-02&to=2026-03-01", "from"),
        ("from=1999-01-01&to=2026-03-01", "from"),
        ("provider=ibm", "provider"),
        ("kind=toaster", "kind"),
        ("tag=team", "tag"),
        ("top=0", "top"),
        ("top=501", "top"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_field(client, query, field):
    answer = client.get(f"{URL}?{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_stranger_sees_nothing_of_it(api, stranger, used):
    assert api(stranger).get(DAYS).json()["total"] == "0.000000"


def test_many_groups_cost_no_more_queries_than_few(client, tenant, used):
    with CaptureQueriesContext(connection) as few:
        client.get(f"{DAYS}&group_by=resource")
    for number in range(3, 8):
        run(tenant.organization, line(), reference=f"resource:{number}")
    metering.book_usage(until=NOON + timedelta(days=1))
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(f"{DAYS}&group_by=resource").json()["groups"]) == 7
    assert len(few) == len(many)
