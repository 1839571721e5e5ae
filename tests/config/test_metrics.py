from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from billing import metering
from clouds.models import Offering, OfferingVersion
from provisioning.models import Resource, Run, Worker
from tests.billing.usage import line
from tests.billing.usage import run as run_meters


@pytest.fixture
def runs(tenant: SimpleNamespace) -> None:
    """One queued for 90 s; one that waited 2 s and worked 40 s."""
    now = timezone.now()
    offering = Offering.objects.create(id="aws/vm", provider="aws", kind="vm")
    version = OfferingVersion.objects.create(
        offering=offering, version="1.0.0", content_hash="x", title="VM", manifest={}, schema={}
    )
    rows = [
        {"status": "queued", "queued_at": now - timedelta(seconds=90)},
        {
            "status": "succeeded",
            "queued_at": now - timedelta(seconds=60),
            "started_at": now - timedelta(seconds=58),
            "finished_at": now - timedelta(seconds=18),
        },
    ]
    for number, row in enumerate(rows):
        resource = Resource.objects.create(
            organization=tenant.organization, name=f"vm-{number}", offering_version=version, provider="aws",
            kind="vm", region="eu-west-1", inputs={}, hourly_cost=1, monthly_cost=730,
        )  # fmt: skip
        Run.objects.create(organization=tenant.organization, resource=resource, operation="create", inputs={}, **row)


def scrape(client: Client, **headers: str) -> dict[str, float]:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_runs_are_counted_by_status(client: Client, runs: None) -> None:
    found = scrape(client)
    assert (found["skyvend_runs[queued]"], found["skyvend_runs[succeeded]"], found["skyvend_runs[lost]"]) == (1, 1, 0)
    assert found["skyvend_run_claims"] == 1
    assert found["skyvend_queue_oldest_seconds"] >= 90


def test_waits_and_durations_fall_into_their_buckets(client: Client, runs: None) -> None:
    found = scrape(client)
    assert (found["skyvend_queue_wait_seconds_bucket[1]"], found["skyvend_queue_wait_seconds_bucket[5]"]) == (0, 1)
    assert found["skyvend_run_duration_seconds_bucket[30]"] == 0
    assert found["skyvend_run_duration_seconds_bucket[60]"] == 1
    assert found["skyvend_run_duration_seconds_gsum"] == pytest.approx(40)


@pytest.mark.django_db
def test_only_workers_that_were_heard_of_count(client: Client) -> None:
    Worker.objects.create(host="a", pid=1, concurrency=1)
    Worker.objects.create(host="b", pid=2, concurrency=1, heartbeat_at=timezone.now() - timedelta(minutes=5))
    found = scrape(client)
    assert found["skyvend_workers"] == 1
    assert found["skyvend_websocket_clients"] == 0


@pytest.mark.django_db
def test_without_a_token_only_this_machine_may_read(client: Client) -> None:
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403


@pytest.mark.django_db
def test_behind_a_proxy_nobody_reads_without_a_token(client: Client, settings) -> None:
    settings.IS_BEHIND_PROXY = True  # a proxy on this machine need not say for whom it asks
    assert client.get("/metrics").status_code == 403


@pytest.mark.django_db
def test_with_a_token_only_its_bearer_may_read(client: Client, settings) -> None:
    settings.METRICS_TOKEN = "sesame"
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert scrape(client, Authorization="Bearer sesame")["skyvend_workers"] == 0


@pytest.mark.django_db
def test_metering_that_falls_behind_is_seen(client: Client, tenant: SimpleNamespace) -> None:
    assert scrape(client)["skyvend_metering_behind_seconds"] == 0
    run_meters(tenant.organization, line(), at=timezone.now() - timedelta(hours=5))
    assert 4 * 3600 <= scrape(client)["skyvend_metering_behind_seconds"] < 5 * 3600
    metering.book_usage()
    assert scrape(client)["skyvend_metering_behind_seconds"] == 0
