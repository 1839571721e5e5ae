"""Cloud Monitoring's metrics of machines, with Google's own libraries, against the simulated Google Cloud."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions as answers
from google.api_core.retry import Retry, if_exception_type

from clouds.providers import CloudUnreachable, NotPermitted, gcp_metrics, get_adapter
from clouds.providers.base import Adapter
from clouds.providers.metrics import Metric
from tests.plugin import SimulatedCloud

from .test_gcp import REGION, Standin

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
LAST = FIRST + timedelta(days=1)
CPU = "compute.googleapis.com/instance/cpu/utilization"
BALLOON = "compute.googleapis.com/instance/memory/balloon/ram_"
AGENT = "agent.googleapis.com/memory/percent_used"


@pytest.fixture
def cloud(gcp_cloud: SimulatedCloud) -> Iterator[SimulatedCloud]:
    yield gcp_cloud
    gcp_cloud.control("DELETE", "faults")


@pytest.fixture
def adapter(cloud: SimulatedCloud) -> Adapter:
    return get_adapter("gcp", cloud.endpoint)


@pytest.fixture
def credentials(cloud: SimulatedCloud) -> dict[str, str]:
    return dict(cloud.control("POST", "principals", {}).json())


@pytest.fixture
def machine(cloud: SimulatedCloud, credentials: dict[str, str]) -> str:
    return made(Standin(cloud, credentials), "web")


def made(standin: Standin, name: str) -> str:
    disk = [{"initialize_params": [{"image": "ubuntu-os-cloud/ubuntu-2404-lts-amd64", "size": 20}]}]
    network = standin.make("google_compute_network", name=f"{name}-net", auto_create_subnetworks=False)
    subnetwork = standin.make(
        "google_compute_subnetwork", name=f"{name}-net", network=network, region=REGION, ip_cidr_range="10.0.0.0/24"
    )
    return standin.make(
        "google_compute_instance",
        name=name,
        machine_type="e2-small",
        zone=f"{REGION}-b",
        boot_disk=disk,
        network_interface=[{"subnetwork": subnetwork}],
    )


def record(cloud: SimulatedCloud, machine: str, metric: str, *values: float, every: int = 60) -> None:
    """One value each ``every`` seconds from ``FIRST`` on."""
    written = [[(FIRST + timedelta(seconds=number * every)).isoformat(), one] for number, one in enumerate(values)]
    cloud.control("PUT", "metrics", {"id": machine, "metric": metric, "values": written})


def throttle(cloud: SimulatedCloud, times: int) -> None:
    fault = {"status": 429, "code": "RESOURCE_EXHAUSTED", "message": "Quota exceeded for quota metric 'Queries'"}
    cloud.control("POST", "faults", {"operation": "list", "nth": 2, "times": times, **fault})


def patience(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    retry = Retry(predicate=if_exception_type(answers.TooManyRequests), initial=0.01, maximum=0.02, timeout=seconds)
    monkeypatch.setattr(gcp_metrics, "ASK_AGAIN", retry)


def test_every_metric_is_read_in_our_units(
    cloud: SimulatedCloud, adapter: Adapter, credentials: dict[str, str], machine: str
) -> None:
    record(cloud, machine, CPU, *[0.02, 0.04, 0.06, 0.08, 0.10] * 2)
    record(cloud, machine, AGENT, 40.0, 50.0)
    record(cloud, machine, "compute.googleapis.com/instance/network/received_bytes_count", 1000.0, 2000.0)
    record(cloud, machine, "compute.googleapis.com/instance/network/sent_bytes_count", 600.0)

    found = adapter.utilisation(credentials, REGION, [machine], FIRST, LAST)[machine]

    cpu = found[Metric.CPU]
    assert [(point.at, round(point.mean, 6), point.maximum) for point in cpu.points] == [(FIRST, 6.0, 10.0)]
    assert (found[Metric.MEMORY].mean, found[Metric.MEMORY].maximum) == (45.0, 50.0)
    assert (found[Metric.NETWORK_IN].mean, found[Metric.NETWORK_OUT].mean) == (10.0, 2.0)  # bytes per second


def test_without_the_agent_memory_is_that_of_the_balloon(
    cloud: SimulatedCloud, adapter: Adapter, credentials: dict[str, str], machine: str
) -> None:
    record(cloud, machine, f"{BALLOON}used", 1e9, 1.5e9)
    record(cloud, machine, f"{BALLOON}size", 2e9, 2e9)

    memory = adapter.utilisation(credentials, REGION, [machine], FIRST, LAST)[machine][Metric.MEMORY]

    assert (memory.mean, memory.maximum) == (62.5, 75.0)


def test_an_answer_of_several_pages_is_put_together(
    cloud: SimulatedCloud,
    adapter: Adapter,
    credentials: dict[str, str],
    machine: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gcp_metrics, "PAGE", 5)
    other = made(Standin(cloud, credentials), "other")
    record(cloud, machine, CPU, *[0.1] * 12, every=300)
    record(cloud, other, CPU, *[0.3] * 12, every=300)

    found = adapter.utilisation(credentials, REGION, [machine, other], FIRST, LAST)

    assert [round(found[each][Metric.CPU].mean, 6) for each in (machine, other)] == [10.0, 30.0]
    assert [len(found[each][Metric.CPU].points) for each in (machine, other)] == [1, 1]


def test_machines_without_data_or_gone_are_in_the_answer_with_nothing(
    adapter: Adapter, credentials: dict[str, str], machine: str
) -> None:
    gone = machine.replace("/web", "/gone")

    assert adapter.utilisation(credentials, REGION, [machine, gone], FIRST, LAST) == {machine: {}, gone: {}}


def test_a_throttled_call_is_made_again(
    cloud: SimulatedCloud,
    adapter: Adapter,
    credentials: dict[str, str],
    machine: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience(monkeypatch, 10)
    record(cloud, machine, CPU, 0.1)
    throttle(cloud, times=2)

    found = adapter.utilisation(credentials, REGION, [machine], FIRST, LAST)

    assert found[machine][Metric.CPU].mean == 10.0


def test_a_cloud_that_throttles_without_end_is_unreachable(
    cloud: SimulatedCloud,
    adapter: Adapter,
    credentials: dict[str, str],
    machine: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience(monkeypatch, 0.2)
    throttle(cloud, times=9999)

    with pytest.raises(CloudUnreachable, match="HTTP 429"):
        adapter.utilisation(credentials, REGION, [machine], FIRST, LAST)


def test_a_role_that_may_not_read_metrics_is_told_so(cloud: SimulatedCloud, adapter: Adapter) -> None:
    denied = dict(cloud.control("POST", "principals", {"denied": ["monitoring.timeSeries.list"]}).json())
    machine = made(Standin(cloud, denied), "web")

    with pytest.raises(NotPermitted, match="does not allow this service account"):
        adapter.utilisation(denied, REGION, [machine], FIRST, LAST)
