"""The page of what the clouds bill, and how an account's bill is set up."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent, User
from billing import metering
from billing.actual import ActualLine, begin_import, fail_import, finish_import
from billing.models import ActualCost
from clouds.models import CloudAccount
from provisioning import tasks
from provisioning.execution.tags import RESOURCE_TAG
from tests.billing.usage import NOON, line, run

pytestmark = pytest.mark.django_db
DAY = NOON.date()  # 2 March 2026
TABLE = "my-project.billing.gcp_billing_export_resource_v1_012345_6789AB_CDEF01"


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-03-20T12:00:00Z", tick=False):
        yield


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr(tasks.read_bill, "send", asked.append)
    return asked


@pytest.fixture
def account(tenant: SimpleNamespace) -> CloudAccount:
    return connected(tenant, "aws", "production")


def connected(tenant: SimpleNamespace, provider: str, name: str) -> CloudAccount:
    return CloudAccount.objects.create(
        organization=tenant.organization,
        provider=provider,
        name=name,
        credentials={"x": "y"},
        status="verified",
    )


def begun(account: CloudAccount, first: date = date(2026, 3, 1), last: date = date(2026, 3, 20)) -> Any:
    return begin_import(
        organization=account.organization, provider=account.provider, cloud_account=str(account.pk),
        cloud_account_name=account.name, origin="Cost Explorer", first=first, last=last,
    )  # fmt: skip


def billed(cost: str, reference: str = "", day: date = DAY, **more: Any) -> ActualLine:
    known: dict[str, Any] = {"service_name": "Amazon EC2", "service_category": "Compute", "currency": "USD"}
    return ActualLine(day=day, billed_cost=Decimal(cost), reference=reference, **known | more)


def words(response: Any) -> str:
    text = html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))
    return re.sub(r"\s+", " ", text)


def page(client: Client, query: str = "") -> str:
    response = client.get(reverse("provisioning:actual-costs") + query)
    assert response.status_code == 200
    return words(response)


def test_without_an_account_it_says_what_to_do(tenant: SimpleNamespace, sign_in: Callable[[User], Client]) -> None:
    text = page(sign_in(tenant.viewer))
    assert "No cloud account" in text
    assert "Read again" not in text


def test_an_account_that_was_not_read_says_so(account: CloudAccount, tenant: Any, sign_in: Any) -> None:
    text = page(sign_in(tenant.viewer))
    assert "production not read yet" in text
    assert "No bill yet" in text


def test_a_bill_is_shown_by_month_resource_and_what_is_unmatched(
    account: CloudAccount, tenant: Any, sign_in: Any
) -> None:
    run(tenant.organization, line(price="0.5"), reference="resource:11111111-0000-4000-8000-00000000000a", name="web-1")
    metering.book_usage(until=NOON + timedelta(hours=2))
    reference = "resource:11111111-0000-4000-8000-00000000000a"
    finish_import(
        source=begun(account), lines=[billed("1.25", reference), billed("4"), billed("-1", charge_category="Credit")]
    )
    text = page(sign_in(tenant.viewer))
    assert "Cost Explorer" in text
    assert "3 1 2" in text  # rows, of our resources, unmatched
    assert "March 2026 production 1.25 USD 3.00 USD 4.25 USD Estimated" in text
    assert "web-1 1.25 USD 1.00 USD +0.25 USD" in text
    assert "Amazon EC2 Usage production 1 4.00 USD" in text
    assert "Amazon EC2 Credit production 1 -1.00 USD" in text


def test_a_month_can_be_chosen_and_a_closed_one_is_final(account: CloudAccount, tenant: Any, sign_in: Any) -> None:
    january = date(2026, 1, 5)
    finish_import(source=begun(account, january, DAY), lines=[billed("2", day=january), billed("3")])
    text = page(sign_in(tenant.viewer), "?month=2026-01")
    assert "January 2026 production 0.00 USD 2.00 USD 2.00 USD Final" in text
    assert "January 2026, unmatched" in text
    assert "March 2026, unmatched" in page(sign_in(tenant.viewer), "?month=nonsense")


def test_a_failure_is_told_in_words(account: CloudAccount, tenant: Any, sign_in: Any) -> None:
    fail_import(source=begun(account), error="Add ce:GetCostAndUsage to their policy.")
    text = page(sign_in(tenant.viewer))
    assert "Add ce:GetCostAndUsage to their policy." in text
    assert "Failed" in text


def test_a_bill_without_our_tag_says_where_to_switch_it_on(account: CloudAccount, tenant: Any, sign_in: Any) -> None:
    finish_import(source=begun(account), lines=[billed("4")])
    assert "Activate it in AWS under Billing, Cost allocation tags" in page(sign_in(tenant.viewer))


def test_an_account_to_the_same_owner_shares_the_bill(account: CloudAccount, tenant: Any, sign_in: Any) -> None:
    other = connected(tenant, "aws", "staging")
    CloudAccount.objects.filter(pk__in=[account.pk, other.pk]).update(identity="arn:aws:iam::123456789012:user/x")
    finish_import(source=begun(account), lines=[billed("4")])
    assert "staging one bill with production" in page(sign_in(tenant.viewer))


def test_google_without_an_export_says_what_is_missing(tenant: Any, sign_in: Any) -> None:
    connected(tenant, "gcp", "analytics")
    text = page(sign_in(tenant.owner))
    assert "Google has no cost API" in text
    assert "Read again" not in text


def test_only_who_may_manage_can_have_it_read(
    account: CloudAccount, tenant: Any, sign_in: Any, rung: list[str]
) -> None:
    assert "Read again" not in page(sign_in(tenant.member))
    assert sign_in(tenant.member).post(reverse("provisioning:bill-read", args=[account.pk])).status_code == 403
    assert rung == []


def test_reading_again_rings_for_a_worker(
    account: CloudAccount, tenant: Any, sign_in: Any, rung: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = sign_in(tenant.admin).post(reverse("provisioning:bill-read", args=[account.pk]))
    assert response["Location"] == "/billing/actual/?asked=1"
    assert rung == [str(account.pk)]
    assert AuditEvent.objects.filter(action="bill.read", target_id=str(account.pk)).exists()


def test_while_a_bill_is_read_the_page_looks_again(account: CloudAccount, tenant: Any, sign_in: Any) -> None:
    client = sign_in(tenant.owner)
    assert 'hx-trigger="load' not in client.get("/billing/actual/").content.decode().partition("bill-readings")[2][:400]
    source = begun(account)
    part = client.get("/billing/actual/", headers={"hx-request": "true", "hx-target": "bill-readings"})
    assert part.content.decode().lstrip().startswith('<section id="bill-readings"')
    assert 'hx-trigger="load delay:3s"' in part.content.decode()
    finish_import(source=source, lines=[])
    part = client.get("/billing/actual/", headers={"hx-request": "true", "hx-target": "bill-readings"})
    assert "hx-trigger" not in part.content.decode()


@pytest.mark.parametrize("given", [TABLE, f" `{TABLE}` "])
def test_the_table_of_googles_export_is_kept(tenant: Any, sign_in: Any, given: str) -> None:
    account = connected(tenant, "gcp", "analytics")
    response = sign_in(tenant.owner).post(reverse("provisioning:bill-settings", args=[account.pk]), {"table": given})
    assert response.status_code == 302
    account.refresh_from_db()
    assert account.billing_export == TABLE
    assert AuditEvent.objects.get(action="cloud_account.set_billing_export").data["table"] == TABLE


def test_what_is_no_table_is_refused(tenant: Any, sign_in: Any) -> None:
    account = connected(tenant, "gcp", "analytics")
    response = sign_in(tenant.owner).post(
        reverse("provisioning:bill-settings", args=[account.pk]), {"table": "x; DROP"}
    )
    assert response.status_code == 422
    assert "A table's name looks like" in words(response)


@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_other_clouds_have_no_table(tenant: Any, sign_in: Any, provider: str) -> None:
    account = connected(tenant, provider, "other")
    client = sign_in(tenant.owner)
    assert "BigQuery" not in words(client.get(reverse("provisioning:bill-settings", args=[account.pk])))
    response = client.post(reverse("provisioning:bill-settings", args=[account.pk]), {"table": TABLE})
    assert response.status_code == 422


ROW = {
    "usage_start_time": "2026-03-02 00:00:00 UTC", "service": {"description": "Compute Engine"}, "currency": "EUR",
    "cost": 1.5, "labels": [{"key": RESOURCE_TAG, "value": "11111111-0000-4000-8000-00000000000a"}],
}  # fmt: skip


def send(client: Client, account: CloudAccount, content: bytes, name: str = "rows.jsonl") -> Any:
    return client.post(
        reverse("provisioning:bill-file", args=[account.pk]), {"file": SimpleUploadedFile(name, content)}
    )


def test_a_file_of_rows_is_taken(tenant: Any, sign_in: Any) -> None:
    account = connected(tenant, "gcp", "analytics")
    response = send(sign_in(tenant.owner), account, json.dumps(ROW).encode())
    assert response.status_code == 302
    assert ActualCost.objects.get().billed_cost == Decimal("1.5")
    assert "1.50 EUR" in page(sign_in(tenant.viewer))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{", "Line 1 is not JSON"), (b"\xff\xfe\x00", "not text in UTF-8"), (b"", "empty"), (b"\n", "no rows")],
)
def test_a_file_that_is_no_bill_is_refused_with_the_reason(
    tenant: Any, sign_in: Any, content: bytes, said: str
) -> None:
    account = connected(tenant, "gcp", "analytics")
    response = send(sign_in(tenant.owner), account, content)
    assert response.status_code == 422
    assert said in words(response)
    assert not ActualCost.objects.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [({"cost": 10**15}, "could not be kept"), ({"usage_start_time": "0001-01-01T00:00:00+14:00"}, "can be read")],
)
def test_rows_that_cannot_be_kept_are_refused_too(tenant: Any, sign_in: Any, change: dict[str, Any], said: str) -> None:
    response = send(sign_in(tenant.owner), connected(tenant, "gcp", "analytics"), json.dumps(ROW | change).encode())
    assert (response.status_code, said in words(response)) == (422, True)


def test_the_page_takes_no_more_queries_for_more_accounts(account: CloudAccount, tenant: Any, sign_in: Any) -> None:
    client = sign_in(tenant.owner)
    run(tenant.organization, line(), reference="resource:9")
    finish_import(source=begun(account), lines=[billed("1"), billed("2", "resource:9")])
    client.get("/billing/actual/")
    with CaptureQueriesContext(connection) as few:
        client.get("/billing/actual/")
    for number in range(3):
        other = connected(tenant, "aws", f"more-{number}")
        run(tenant.organization, line(), reference=f"resource:{number}")
        finish_import(source=begun(other), lines=[billed("1", f"resource:{number}"), billed("2")])
    with CaptureQueriesContext(connection) as many:
        client.get("/billing/actual/")
    assert len(many) == len(few)


def test_the_costs_page_offers_the_focus_export(tenant: Any, sign_in: Any) -> None:
    assert "/api/v1/billing/export?format=focus" in sign_in(tenant.viewer).get("/billing/costs/").content.decode()
