"""The made-up bills of the simulated clouds, read as any bill is."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Organization
from billing import metering
from billing.models import ActualCost, CostImport, CostImportStatus, DailyCost
from clouds.models import CloudAccount
from provisioning import tasks
from tests.billing.usage import line, run
from tests.plugin import SimulatedCloud

pytestmark = pytest.mark.django_db


@pytest.fixture
def accounts(
    settings: Any, aws_cloud: SimulatedCloud, azure_cloud: SimulatedCloud, gcp_cloud: SimulatedCloud
) -> list[CloudAccount]:
    """One of each simulated cloud, with a machine that has run for two days."""
    settings.TRIAL = True
    settings.SANDBOX_CONTROL_KEY = aws_cloud.key
    organization = Organization.objects.create(name="Acme", slug="acme")
    made = []
    start = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    for provider, cloud in (("aws", aws_cloud), ("azure", azure_cloud), ("gcp", gcp_cloud)):
        setattr(settings, f"SANDBOX_{provider.upper()}_ENDPOINT", cloud.endpoint)
        credentials = dict(cloud.control("POST", "principals", {}).json())
        account = CloudAccount.objects.create(
            organization=organization, provider=provider, name=provider, credentials=credentials, is_sandbox=True,
            status="verified",
        )  # fmt: skip
        reference = f"resource:{uuid.uuid4()}"
        lines = [line(f"{provider}:compute:x"), line(f"{provider}:ipv4", "0.005")]
        run(organization, *lines, reference=reference, at=start, provider=provider, cloud_account=str(account.pk))
        made.append(account)
    metering.book_usage()
    return made


def test_every_cloud_bills_about_what_was_metered(accounts: list[CloudAccount]) -> None:
    call_command("seed_bills", stdout=io.StringIO())
    assert {each.status for each in CostImport.objects.all()} == {CostImportStatus.SUCCEEDED}
    today = timezone.now().date()
    for account in accounts:
        costs = ActualCost.objects.filter(cloud_account=str(account.pk))
        metered = sum(
            each.amount for each in DailyCost.objects.filter(resource__provider=account.provider, day__lt=today)
        )
        billed = sum(each.billed_cost for each in costs.matched())
        assert metered * 97 / 100 - 1 <= billed <= metered * 105 / 100 + 1
        assert billed != metered
        assert costs.unmatched().exists()


def test_seeding_again_bills_the_same(accounts: list[CloudAccount]) -> None:
    call_command("seed_bills", stdout=io.StringIO())
    first = sorted(ActualCost.objects.values_list("line_key", "billed_cost"))
    call_command("seed_bills", stdout=io.StringIO())
    assert sorted(ActualCost.objects.values_list("line_key", "billed_cost")) == first


def test_the_worker_is_asked_for_what_has_a_past_and_for_aws(
    accounts: list[CloudAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks.read_bill, "send", asked.append)
    DailyCost.objects.exclude(resource__provider="azure").delete()
    call_command("seed_bills", ring=True)
    assert sorted(asked) == sorted(str(each.pk) for each in accounts if each.provider != "gcp")
    assert not CostImport.objects.exists()


def test_it_is_for_trials_only(settings: Any) -> None:
    settings.TRIAL = False
    with pytest.raises(CommandError, match="TRIAL=1"):
        call_command("seed_bills")
