"""From a cloud's bill to our resources: whose is read when, how a line finds its resource, how failures are told."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Organization
from billing.models import ActualCost, CostImport, CostImportStatus
from clouds import spending
from clouds.models import CloudAccount, CloudAccountStatus
from clouds.providers import CloudUnreachable
from clouds.providers.bill import BillLine
from provisioning import actuals, tasks
from provisioning.execution.tags import RESOURCE_TAG
from tests.billing.usage import line as metered
from tests.billing.usage import run
from tests.plugin import SimulatedCloud

SECRET = "planted/secret/nobody/may/ever/see/00"
RESOURCE = uuid.UUID("11111111-0000-4000-8000-00000000000a")
EC2 = "Amazon Elastic Compute Cloud - Compute"


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-11-20T12:00:00Z", tick=True):
        yield


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(name="Acme", slug=f"acme-{uuid.uuid4().hex[:8]}")


def account_of(organization: Organization, provider: str = "aws", **more: Any) -> CloudAccount:
    known: dict[str, Any] = {
        "name": f"{provider}-{uuid.uuid4().hex[:6]}", "status": CloudAccountStatus.VERIFIED,
        "credentials": {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": SECRET},
    }  # fmt: skip
    return CloudAccount.objects.create(organization=organization, provider=provider, **known | more)


def aws_row(day: str, cost: str, resource: str = "") -> dict[str, Any]:
    return {"day": day, "service": EC2, "cost": cost, "tags": {RESOURCE_TAG: resource} if resource else {}}


@pytest.fixture
def aws_account(organization: Organization, aws_cloud: SimulatedCloud, settings: Any) -> CloudAccount:
    """Of the simulated AWS, with a bill: a resource of ours, one that nobody knows, and something without a tag."""
    settings.SANDBOX_AWS_ENDPOINT = aws_cloud.endpoint
    keys = aws_cloud.control("POST", "principals").json()
    rows = [
        aws_row("2026-11-02", "0.4992", str(RESOURCE)),
        aws_row("2026-11-03", "0.25", str(uuid.uuid4())),
        aws_row("2026-11-03", "7", "not an id"),
        aws_row("2026-10-30", "3"),
    ]
    aws_cloud.control("PUT", "bill", {"access_key_id": keys["access_key_id"], "rows": rows})
    run(organization, metered(), reference=f"resource:{RESOURCE}")
    return account_of(organization, credentials=keys, is_sandbox=True)


def test_a_bill_finds_our_resources_by_their_tag(aws_account: CloudAccount) -> None:
    done = actuals.read_bill(aws_account.pk)
    assert done is not None
    assert (done.status, done.rows, done.matched, done.unmatched) == (CostImportStatus.SUCCEEDED, 4, 1, 3)
    assert (done.origin, done.first, done.last) == ("Cost Explorer", date(2026, 9, 1), date(2026, 11, 20))
    row = ActualCost.objects.matched().get()
    assert (row.resource.reference, row.billed_cost) == (f"resource:{RESOURCE}", Decimal("0.4992"))
    assert (row.charge_period_start, row.service_category, row.is_estimated) == (date(2026, 11, 2), "Compute", True)
    assert not ActualCost.objects.get(billed_cost=3).is_estimated


def test_reading_again_changes_nothing_but_the_open_days(aws_account: CloudAccount, aws_cloud: SimulatedCloud) -> None:
    actuals.read_bill(aws_account.pk)
    key = spending.lent_credentials(aws_account)["access_key_id"]
    changed = [aws_row("2026-11-02", "0.5", str(RESOURCE)), aws_row("2026-10-30", "999")]
    aws_cloud.control("PUT", "bill", {"access_key_id": key, "rows": changed})
    done = actuals.read_bill(aws_account.pk)
    assert done is not None
    assert done.first == date(2026, 11, 1)
    assert {row.billed_cost for row in ActualCost.objects.all()} == {Decimal("0.5"), 3}


def test_azure_and_google_are_read_the_same_way(
    organization: Organization, azure_cloud: SimulatedCloud, gcp_cloud: SimulatedCloud, settings: Any
) -> None:
    settings.SANDBOX_AZURE_ENDPOINT, settings.SANDBOX_GCP_ENDPOINT = azure_cloud.endpoint, gcp_cloud.endpoint
    run(organization, metered(), reference=f"resource:{RESOURCE}")
    now = time_machine.escape_hatch.datetime.datetime.now(UTC)  # by which Google judges what we sign
    row = {"day": f"{now:%Y-%m-%d}", "service": "Storage", "cost": "0.5", "tags": {RESOURCE_TAG: str(RESOURCE)}}
    azure = dict(azure_cloud.control("POST", "principals", {}).json())
    azure_cloud.control("PUT", "bill", {"scope": azure["subscription_id"], "rows": [row]})
    gcp = dict(gcp_cloud.control("POST", "principals", {}).json())
    project = json.loads(gcp["service_account_key"])["project_id"]
    gcp_cloud.control("PUT", "bill", {"scope": project, "rows": [row]})
    table = f"{project}.billing.gcp_billing_export_v1_0"
    for provider, credentials, export in (("azure", azure, ""), ("gcp", gcp, table)):
        account = account_of(organization, provider, credentials=credentials, is_sandbox=True, billing_export=export)
        with time_machine.travel(now, tick=True):
            done = actuals.read_bill(account.pk)
        assert done is not None
        assert (done.error, done.matched) == ("", 1)
    assert {row.billed_cost for row in ActualCost.objects.matched()} == {Decimal("0.5")}


def test_a_failure_is_kept_in_words_without_a_credential(
    organization: Organization, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    account = account_of(organization)

    def fail(*_: Any, **__: Any) -> Iterator[BillLine]:
        yield BillLine(date(2026, 11, 1), EC2, Decimal(1), "USD")
        raise CloudUnreachable("AWS could not be reached. Try again in a minute.")

    monkeypatch.setattr(spending, "read_costs", fail)
    with structlog.testing.capture_logs() as logs:
        done = actuals.read_bill(account.pk)
    assert done is not None
    assert (done.status, done.error) == (CostImportStatus.FAILED, "AWS could not be reached. Try again in a minute.")
    assert not ActualCost.objects.exists()
    assert SECRET not in caplog.text + repr(logs)


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError, ArithmeticError])
def test_a_bill_in_another_shape_is_a_failure_in_words(
    organization: Organization, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def read(credentials: Any, *_: Any) -> Iterator[BillLine]:
        raise error(credentials["secret_access_key"])

    monkeypatch.setattr("clouds.providers.aws_costs.read", read)
    done = actuals.read_bill(account_of(organization).pk)
    assert done is not None
    assert done.error == spending.UNREADABLE


def test_a_fault_while_reading_ends_the_reading_too(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: Any, **__: Any) -> Iterator[BillLine]:
        raise RuntimeError

    monkeypatch.setattr(spending, "read_costs", read)
    done = actuals.read_bill(account_of(organization).pk)
    assert done is not None
    assert (done.status, done.error) == (CostImportStatus.FAILED, actuals.UNREADABLE)


def test_a_bill_that_cannot_be_kept_is_a_failure_not_a_crash(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = [BillLine(date(2026, 11, 1), EC2, Decimal(10) ** 15, "USD")]
    monkeypatch.setattr(spending, "read_costs", lambda *_, **__: iter(huge))
    done = actuals.read_bill(account_of(organization).pk)
    assert done is not None
    assert (done.status, done.error) == (CostImportStatus.FAILED, actuals.UNREADABLE)


def test_an_account_is_due_a_day_after_it_was_read(organization: Organization) -> None:
    account = account_of(organization)
    assert actuals.due_accounts(timezone.now()) == [account.pk]
    source = _imported(account, CostImportStatus.SUCCEEDED)
    assert actuals.due_accounts(timezone.now()) == []
    assert actuals.due_accounts(source.started_at + timedelta(hours=24)) == [account.pk]


def test_an_account_that_could_not_be_read_is_due_sooner(organization: Organization) -> None:
    account = account_of(organization)
    source = _imported(account, CostImportStatus.FAILED)
    assert actuals.due_accounts(source.started_at + timedelta(hours=5)) == []
    assert actuals.due_accounts(source.started_at + timedelta(hours=7)) == [account.pk]


def test_accounts_that_cannot_be_asked_are_left_alone(organization: Organization) -> None:
    account_of(organization, status=CloudAccountStatus.REFUSED)
    account_of(organization, "gcp")
    exported = account_of(organization, "gcp", billing_export="p.d.t")
    assert actuals.due_accounts(timezone.now()) == [exported.pk]


def test_two_accounts_to_one_owner_are_read_once(organization: Organization) -> None:
    identity = "arn:aws:iam::123456789012:user/{}"
    first, second = (account_of(organization, identity=identity.format(name)) for name in ("a", "b"))
    other = account_of(organization, identity="arn:aws:iam::210987654321:user/a")
    due = actuals.due_accounts(timezone.now())
    assert len(due) == 2
    assert len({first.pk, second.pk} & set(due)) == 1
    _imported(second, CostImportStatus.SUCCEEDED)
    assert actuals.due_accounts(timezone.now()) == [other.pk]


def _imported(account: CloudAccount, status: CostImportStatus) -> CostImport:
    source = actuals._begun(account, "x", None, None)
    assert source is not None
    source.status, source.finished_at = status, timezone.now()
    source.save()
    return source


def test_the_tick_reads_what_is_due(aws_account: CloudAccount) -> None:
    tasks.read_due_bills.fn()
    tasks.read_due_bills.fn()
    assert CostImport.objects.get().matched == 1


def test_the_command_reads_one_account_for_the_days_given(aws_account: CloudAccount) -> None:
    out = io.StringIO()
    days = ["--from", "2026-10-01", "--to", "2026-10-31"]
    call_command("import_costs", "--cloud-account", str(aws_account.pk), *days, stdout=out)
    assert "2026-10-01 to 2026-10-31, 1 rows, 0 of our resources, 1 unmatched." in out.getvalue()


def test_the_command_says_what_failed(organization: Organization) -> None:
    account_of(organization, "gcp", billing_export="nonsense", credentials={"service_account_key": "{}"})
    err = io.StringIO()
    with pytest.raises(CommandError, match="1 of 1 readings failed"):
        call_command("import_costs", stderr=err)
    assert "not the name of a table" in err.getvalue()


@pytest.mark.parametrize("given", ["nobody", "7d1f2c4e-0000-4000-8000-00000000dead"])
def test_the_command_knows_accounts_only(db: None, given: str) -> None:
    with pytest.raises(CommandError, match="no cloud account"):
        call_command("import_costs", "--cloud-account", given)


ROW = {
    "usage_start_time": "2026-11-05 00:00:00 UTC", "service": {"description": "Compute Engine"}, "currency": "EUR",
    "cost": 1.5, "labels": [{"key": RESOURCE_TAG, "value": str(RESOURCE)}],
}  # fmt: skip


def test_the_command_takes_a_file_of_googles_export(organization: Organization, tmp_path: Path) -> None:
    run(organization, metered(), reference=f"resource:{RESOURCE}")
    account = account_of(organization, "gcp")
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({**ROW, "cost": cost}) for cost in (1.5, 2)))
    call_command("import_costs", "--cloud-account", str(account.pk), "--file", str(path), stdout=io.StringIO())
    row = ActualCost.objects.get()
    assert (row.billed_cost, row.currency, row.resource.reference) == (Decimal("3.5"), "EUR", f"resource:{RESOURCE}")
    assert (row.source.origin, row.source.first) == ("rows.jsonl", date(2026, 11, 5))


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "no rows"), ("{", "Line 1 is not JSON"), ('{"cost": 1}', "usage_start_time"), (None, "No such file")],
)
def test_a_file_that_is_no_bill_changes_nothing(
    organization: Organization, tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "rows.jsonl"
    if content is not None:
        path.write_text(content)
    account = account_of(organization, "gcp")
    with pytest.raises(CommandError, match=words):
        call_command("import_costs", "--cloud-account", str(account.pk), "--file", str(path))
    assert not CostImport.objects.exists()


def test_months_ago_are_read_when_asked_for(aws_account: CloudAccount) -> None:
    done = actuals.read_bill(aws_account.pk, date(2026, 10, 30), date(2026, 10, 30))
    assert done is not None
    assert ActualCost.objects.get().charge_period_start == date(2026, 10, 30)
    assert datetime.now(UTC).date() == date(2026, 11, 20)
