"""Azure Monitor's metrics of machines, with Azure's own client, against the simulated Azure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from clouds.providers import CloudUnreachable, NotPermitted, azure_metrics, get_adapter
from clouds.providers.base import Adapter
from clouds.providers.metrics import Metric
from tests.plugin import SimulatedCloud

REGION = "westeurope"
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
LAST = FIRST + timedelta(days=1)


@pytest.fixture
def cloud(azure_cloud: SimulatedCloud) -> Iterator[SimulatedCloud]:
    yield azure_cloud
    azure_cloud.control("DELETE", "faults")


@pytest.fixture
def adapter(cloud: SimulatedCloud) -> Adapter:
    return get_adapter("azure", cloud.endpoint)


@pytest.fixture
def credentials(cloud: SimulatedCloud) -> dict[str, str]:
    return dict(cloud.control("POST", "principals", {}).json())


@pytest.fixture
def machine(credentials: dict[str, str]) -> str:
    group = f"/subscriptions/{credentials['subscription_id']}/resourceGroups/rg-web"
    return f"{group}/providers/Microsoft.Compute/virtualMachines/web"


def record(cloud: SimulatedCloud, machine: str, metric: str, *values: float, every: int = 60) -> None:
    """One value each ``every`` seconds from ``FIRST`` on."""
    written = [[(FIRST + timedelta(seconds=number * every)).isoformat(), one] for number, one in enumerate(values)]
    cloud.control("PUT", "metrics", {"id": machine, "metric": metric, "values": written})


def fault(cloud: SimulatedCloud, **fields: object) -> None:
    cloud.control("POST", "faults", {"type": "metrics", "operation": "read", **fields})


def test_every_metric_is_read_in_our_units(
    cloud: SimulatedCloud, adapter: Adapter, credentials: dict[str, str], machine: str
) -> None:
    record(cloud, machine, "Percentage CPU", *[2.0, 4.0, 6.0, 8.0, 10.0] * 2)
    record(cloud, machine, "Available Memory Percentage", 70.0, 50.0, 60.0)
    record(cloud, machine, "Network In Total", 1000.0, 2000.0)
    record(cloud, machine, "Network Out Total", 600.0)

    found = adapter.utilisation(credentials, REGION, [machine], FIRST, LAST)[machine]

    cpu = found[Metric.CPU]
    assert [(point.at, point.mean, point.p95, point.maximum) for point in cpu.points] == [(FIRST, 6.0, 6.0, 10.0)]
    memory = found[Metric.MEMORY]
    assert (memory.mean, memory.maximum) == (40.0, 50.0)  # used, where Azure says what is available
    assert (found[Metric.NETWORK_IN].mean, found[Metric.NETWORK_OUT].mean) == (10.0, 2.0)  # bytes per second


def test_more_machines_than_fit_into_one_call_and_ids_in_another_case(
    cloud: SimulatedCloud, adapter: Adapter, credentials: dict[str, str], machine: str
) -> None:
    machines = [f"{machine.upper() if number % 2 else machine}{number}" for number in range(6)]
    for number, each in enumerate(machines):
        record(cloud, each, "Percentage CPU", float(number))

    found = adapter.utilisation(credentials, REGION, machines, FIRST, LAST)

    assert {each: found[each][Metric.CPU].mean for each in machines} == dict(
        zip(machines, map(float, range(6)), strict=True)
    )


def test_a_machine_without_data_is_in_the_answer_with_nothing(
    adapter: Adapter, credentials: dict[str, str], machine: str
) -> None:
    assert adapter.utilisation(credentials, REGION, [machine], FIRST, LAST) == {machine: {}}


def test_a_host_that_does_not_publish_memory_is_read_without_it(
    cloud: SimulatedCloud, adapter: Adapter, credentials: dict[str, str], machine: str
) -> None:
    record(cloud, machine, "Percentage CPU", 5.0)
    words = "Failed to find metric configuration for provider"
    fault(cloud, nth=2, status=400, code="BadRequest", message=words)

    found = adapter.utilisation(credentials, REGION, [machine], FIRST, LAST)[machine]

    assert list(found) == [Metric.CPU]


def test_a_throttled_call_is_made_again(
    cloud: SimulatedCloud, adapter: Adapter, credentials: dict[str, str], machine: str
) -> None:
    record(cloud, machine, "Percentage CPU", 5.0)
    fault(cloud, status=429, code="TooManyRequests", message="Too many requests")

    assert adapter.utilisation(credentials, REGION, [machine], FIRST, LAST)[machine][Metric.CPU].mean == 5.0


def test_a_cloud_that_throttles_without_end_is_unreachable(
    cloud: SimulatedCloud, adapter: Adapter, credentials: dict[str, str], machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure_metrics, "RETRIES", 1)
    fault(cloud, times=99, status=429, code="TooManyRequests", message="Too many requests")

    with pytest.raises(CloudUnreachable, match="HTTP 429"):
        adapter.utilisation(credentials, REGION, [machine], FIRST, LAST)


def test_a_role_that_may_not_read_metrics_is_told_so(cloud: SimulatedCloud, adapter: Adapter) -> None:
    denied = cloud.control("POST", "principals", {"denied": adapter.metrics_permissions()}).json()
    machine = f"/subscriptions/{denied['subscription_id']}/x/virtualMachines/web"

    with pytest.raises(NotPermitted, match="does not allow this application"):
        adapter.utilisation(denied, REGION, [machine], FIRST, LAST)
