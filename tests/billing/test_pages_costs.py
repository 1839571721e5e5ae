from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import costs, metering, services
from billing.costs import Period

from .test_pages import text_of
from .usage import line, run

pytestmark = pytest.mark.django_db
URL = "/billing/costs/"
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = f"{URL}?period=custom&first=2026-03-01&last=2026-03-03"
VM = f"resource:{uuid4()}"


@pytest.fixture
def used(tenant):
    """From 1 March, three days: a VM of team=data for 1 USD an hour on AWS, a bucket for 0.25 on Azure."""
    run(tenant.organization, line(price="1"), at=FIRST, reference=VM, name="web-1", tags={"team": "data"})
    run(
        tenant.organization,
        line("azure:storage", "0.25"),
        at=FIRST,
        reference="resource:2",
        provider="azure",
        kind="bucket",
        cloud_account="other",
        cloud_account_name="Other",
    )
    for reference in (VM, "resource:2"):
        metering.end_meters(organization=tenant.organization, reference=reference, at=FIRST + timedelta(days=3))
    metering.book_usage(until=FIRST + timedelta(days=4))


@pytest.fixture
def client(tenant, sign_in):
    return sign_in(tenant.viewer)


def table(html: str, name: str) -> list[tuple[str, list[Decimal]]]:
    """(first cell, exact amounts) of each body row of the table with this id."""
    body = re.search(rf'id="{name}".*?<tbody>(.*?)</tbody>', html, re.DOTALL)
    assert body is not None
    return [
        (
            text_of(row).strip().split("  ")[0].strip(),
            [Decimal(each) for each in re.findall(r'<data value="([^"]+)"', row)],
        )
        for row in re.findall(r"<tr.*?</tr>", body[1], re.DOTALL)
    ]


def data(html: str, name: str):
    return json.loads(re.search(rf'<script id="{name}"[^>]*>(.*?)</script>', html, re.DOTALL)[1])


def get(client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def test_tables_and_charts_say_the_same(client, used):
    html = get(client, f"{DAYS}&by=provider")
    groups = table(html, "group-table")
    assert [(amounts) for _, amounts in groups] == [[Decimal(72)], [Decimal(18)]]
    area = data(html, "area-data")
    assert area["days"] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert [(each["name"], [Decimal(x) for x in each["amounts"]]) for each in area["series"]] == [
        ("AWS", [24] * 3),
        ("Azure", [6] * 3),
    ]
    assert [amounts for _, amounts in table(html, "day-table")] == [[24, 6, 30]] * 3
    nodes = data(html, "tree-data")["nodes"]
    assert [(node["name"], Decimal(node["value"])) for node in nodes] == [("AWS", 72), ("Azure", 18)]
    assert nodes[0]["children"][0]["children"][0]["url"] == f"/resources/{VM.removeprefix('resource:')}/"
    assert [amounts[0] for _, amounts in table(html, "tree-table")] == [72, 72, 72, 18, 18, 18]


def test_every_grouping_has_its_groups_and_links(client, used):
    html = {by: get(client, f"{DAYS}&by={by}") for by in ("account", "kind", "resource", "tag")}
    assert "by=resource&amp;account=other" in html["account"]
    assert "by=resource&amp;kind=bucket" in html["kind"]
    assert f'href="/resources/{VM.removeprefix("resource:")}/"' in html["resource"]
    assert "by=resource&amp;tag=team%3Ddata" in html["tag"]
    assert "Without this tag" in html["tag"]
    assert 'id="group-table"' not in get(client, f"{DAYS}&by=day")


def test_filters_narrow_everything_on_the_page(client, used):
    html = get(client, f"{DAYS}&provider=azure")
    assert [amounts for _, amounts in table(html, "group-table")] == [[18]]
    assert [amounts[0] for _, amounts in table(html, "tree-table")] == [18, 18, 18]
    assert "Nothing was spent on this" in get(client, f"{DAYS}&provider=gcp")


def test_the_csv_has_what_the_chart_has(client, used):
    answer = client.get(DAYS.replace(URL, f"{URL}download/"))
    assert answer.headers["Content-Disposition"].endswith('"costs-2026-03-01-2026-03-03-by-provider.csv"')
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert rows[0] == {"day": "2026-03-01", "provider": "aws", "name": "AWS", "amount": "24.000000", "currency": "USD"}
    assert sum(Decimal(row["amount"]) for row in rows) == 90
    assert client.get(f"{URL}download/?by=colour").status_code == 422


def test_no_spreadsheet_takes_a_name_for_a_formula(client, tenant):
    run(tenant.organization, line(), at=FIRST, tags={"team": "=HYPERLINK(1)"})
    metering.book_usage(until=FIRST + timedelta(days=1))
    answer = client.get(f"{DAYS.replace(URL, f'{URL}download/')}&by=tag")
    assert "'=HYPERLINK(1)" in b"".join(answer).decode()


def test_what_is_not_valid_is_said_and_this_month_is_shown(client, used):
    assert "What is shown is this month" in get(client, f"{URL}?by=colour", 422)
    assert "before the first" in get(client, f"{URL}?period=custom&first=2026-03-02&last=2026-03-01", 422)
    assert "Enter a valid date" in get(client, f"{URL}?period=custom&first=soon", 422)
    for day in ("0001-01-01", "9999-12-31"):
        assert "every calendar" in get(client, f"{URL}?period=custom&first={day}&last={day}", 422)


def test_months_in_which_something_was_used_can_be_picked(client, used):
    assert '<option value="2026-03">March 2026</option>' in get(client, URL)
    html = get(client, f"{URL}?period=2026-03")
    assert len(table(html, "day-table")) == 31
    assert "2026-02" not in re.findall(r'<option value="(\d{4}-\d\d)"', html)


def test_a_tenant_without_usage_is_told_when_there_will_be_some(client):
    assert "Nothing has cost anything yet" in get(client, URL)


def test_hours_that_are_not_booked_are_said_to_be_missing(client, tenant):
    run(tenant.organization, line(), at=timezone.now() - timedelta(hours=5))
    assert "will be caught up" in text_of(get(client, URL))
    metering.book_usage()
    assert "will be caught up" not in text_of(get(client, URL))


def test_htmx_gets_the_part_that_changes_and_the_back_button_a_page(client, used):
    part = client.get(DAYS, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="costs"')
    back = client.get(DAYS, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in back.content.decode()
    assert "HX-Request" in back.headers["Vary"]


def test_a_stranger_sees_nothing_of_it(sign_in, stranger, used):
    assert "web-1" not in get(sign_in(stranger), f"{DAYS}&by=resource")


def test_many_resources_cost_no_more_queries_than_few(client, tenant, used):
    with CaptureQueriesContext(connection) as few:
        get(client, f"{DAYS}&by=resource")
    for number in range(3, 20):
        run(tenant.organization, line(), at=FIRST, reference=f"resource:{number}")
        metering.end_meters(
            organization=tenant.organization, reference=f"resource:{number}", at=FIRST + timedelta(days=2)
        )
    metering.book_usage(until=FIRST + timedelta(days=4))
    with CaptureQueriesContext(connection) as many:
        html = get(client, f"{DAYS}&by=resource")
    assert "12 more" in html
    assert len(many) <= len(few) + 1  # the days of the rest


def test_a_period_is_compared_with_the_one_before(tenant, used):
    account = services.account_of(tenant.organization)
    march = Period(FIRST.date(), FIRST.date() + timedelta(days=9))
    assert (march.before().first.isoformat(), march.before().last.isoformat()) == ("2026-02-01", "2026-02-10")
    assert costs.month_of(march.first).before() == costs.month_of(march.first - timedelta(days=1))
    change = costs.change(
        account, costs.EVERYTHING, Period(march.first + timedelta(days=2), march.first + timedelta(days=3))
    )
    assert (change.now, change.before, change.percent) == (30, 60, -50)


def test_credit_lasts_as_many_whole_days_as_it_covers():
    assert costs.days_left(Decimal(100), Decimal(1)) == 4
    assert costs.days_left(Decimal(-1), Decimal(1)) == 0
    assert costs.days_left(Decimal(100), Decimal(0)) is None
