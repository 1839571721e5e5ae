from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from provisioning.execution import claim_next, claiming
from provisioning.models import Resource, Run, RunStatus

from .engine import make_account, make_resource, make_run, make_version, make_worker, modules

__all__ = ["modules"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shelf(modules: Path, db: None) -> SimpleNamespace:
    organization = Organization.objects.create(name="Acme", slug="acme")
    return SimpleNamespace(
        modules=modules, organization=organization, account=make_account(organization), worker=make_worker()
    )


def ordered(shelf: SimpleNamespace) -> Run:
    return make_run(make_resource(make_version(shelf.modules), shelf.account))


def test_nothing_is_claimed_from_an_empty_queue(shelf: SimpleNamespace) -> None:
    assert claim_next(shelf.worker.row.pk) is None


def test_a_claimed_run_is_preparing_and_leased_to_its_worker(shelf: SimpleNamespace, settings: Any) -> None:
    run = ordered(shelf)

    claimed = claim_next(shelf.worker.row.pk)

    assert claimed == run
    assert (claimed.status, claimed.worker_id) == (RunStatus.PREPARING, shelf.worker.row.pk)
    assert claimed.started_at is not None
    assert claimed.lease_expires_at - claimed.started_at == timedelta(seconds=settings.RUN_LEASE)


def test_the_oldest_run_of_a_tenant_goes_first(shelf: SimpleNamespace) -> None:
    version = make_version(shelf.modules)
    young = make_run(make_resource(version, shelf.account))
    old = make_run(make_resource(version, shelf.account), queued_at=timezone.now() - timedelta(hours=1))

    assert [claim_next(shelf.worker.row.pk) for _ in range(3)] == [old, young, None]


def test_a_tenant_with_a_long_queue_does_not_hold_up_another(shelf: SimpleNamespace) -> None:
    version = make_version(shelf.modules)
    greedy = [make_run(make_resource(version, shelf.account)) for _ in range(5)]
    other = Organization.objects.create(name="Other", slug="other")
    modest = make_run(make_resource(version, make_account(other)))

    claimed = [claim_next(shelf.worker.row.pk) for _ in range(3)]

    assert claimed == [greedy[0], modest, greedy[1]]


def test_no_tenant_works_more_runs_at_once_than_allowed(shelf: SimpleNamespace, settings: Any) -> None:
    settings.RUNS_PER_ORGANIZATION = 2
    version = make_version(shelf.modules)
    for _ in range(4):
        make_run(make_resource(version, shelf.account))

    assert sum(claim_next(shelf.worker.row.pk) is not None for _ in range(4)) == 2


def test_a_tenants_own_cap_wins_over_the_platforms(shelf: SimpleNamespace) -> None:
    Organization.objects.update(max_concurrent_runs=1)
    version = make_version(shelf.modules)
    for _ in range(3):
        make_run(make_resource(version, shelf.account))

    assert sum(claim_next(shelf.worker.row.pk) is not None for _ in range(3)) == 1


def test_a_suspended_tenants_runs_wait(shelf: SimpleNamespace) -> None:
    ordered(shelf)
    Organization.objects.update(suspended_at=timezone.now())

    assert claim_next(shelf.worker.row.pk) is None


def test_workers_that_claim_at_once_never_share_a_run_and_keep_the_cap(shelf: SimpleNamespace, settings: Any) -> None:
    settings.RUNS_PER_ORGANIZATION = 3
    version = make_version(shelf.modules)
    accounts = [shelf.account] + [
        make_account(Organization.objects.create(name=f"Tenant {n}", slug=f"tenant-{n}")) for n in range(3)
    ]
    for account in accounts:
        for _ in range(10):
            make_run(make_resource(version, account))

    def claim(_: int) -> Run | None:
        try:
            return claim_next(shelf.worker.row.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        claimed = [run for run in pool.map(claim, range(30)) if run is not None]

    assert len({run.pk for run in claimed}) == len(claimed) == 12
    for account in accounts:
        assert Run.objects.working().filter(organization=account.organization).count() == 3


def test_claiming_from_thousands_of_queued_runs_reads_only_a_few_of_them(shelf: SimpleNamespace) -> None:
    resource = make_resource(make_version(shelf.modules), shelf.account)
    rows = Resource.objects.bulk_create(
        Resource(**{**_columns(resource), "name": f"bulk-{number}"}) for number in range(3000)
    )
    Run.objects.bulk_create(
        Run(organization=shelf.organization, resource=row, operation="create", inputs={}) for row in rows
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE provisioning_run")
        claim = {"cap": 4, "worker": None, "lease": 30}
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + claiming.CLAIM, claim)
        (plan,) = cursor.fetchone()[0]

    reads = [node for node in _nodes(plan["Plan"]) if node.get("Relation Name") == "provisioning_run"]
    assert {node["Node Type"] for node in reads} <= {"Index Scan", "Index Only Scan", "ModifyTable", "Bitmap Heap Scan"}
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in reads) <= 2


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", []):
        yield from _nodes(below)


def _columns(resource: Resource) -> dict[str, Any]:
    names = ("organization_id", "offering_version_id", "cloud_account_id", "provider", "kind", "region", "inputs")
    return {name: getattr(resource, name) for name in names} | {"hourly_cost": 1, "monthly_cost": 1}
