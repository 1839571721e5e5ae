"""How busy Azure's virtual machines were, read from Azure Monitor with its own client. Heavy: see ``asking``.

The host knows processor and network of every machine, and of most how much memory is available, without an agent.
Sources: Azure Monitor REST API reference, Metrics Batch (at most 50 machines of one subscription and region a call,
no pages); "Supported metrics for Microsoft.Compute/virtualMachines".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.monitor.querymetrics import MetricsClient, MetricsQueryResult

from .azure_sdk import Cloud, in_words
from .metrics import SAMPLE_SECONDS, Metric, Sample, Utilisation, folded

NAMESPACE = "Microsoft.Compute/virtualMachines"
AT_ONCE = 4  # machines in one call: two weeks of one are about a megabyte
SCOPE = "https://metrics.monitor.azure.com/.default"
RETRIES = 5  # of each call; the SDK waits as long as Retry-After says
AGGREGATIONS = ["Average", "Maximum", "Minimum", "Total"]
MEMORY = "Available Memory Percentage"

Samples = dict[tuple[str, Metric], list[Sample]]


def _plain(at: datetime, value: Any) -> Sample | None:
    return None if value.average is None else Sample(at, value.average, _or(value.maximum, value.average))


def _of_available(at: datetime, value: Any) -> Sample | None:
    """Of what is available, the least is when the most was used."""
    return None if value.average is None else Sample(at, 100 - value.average, 100 - _or(value.minimum, value.average))


def _per_second(at: datetime, value: Any) -> Sample | None:
    return None if value.total is None else Sample(at, *[value.total / SAMPLE_SECONDS] * 2)


NAMES: dict[str, tuple[Metric, Callable[[datetime, Any], Sample | None]]] = {
    "Percentage CPU": (Metric.CPU, _plain),
    "Network In Total": (Metric.NETWORK_IN, _per_second),
    "Network Out Total": (Metric.NETWORK_OUT, _per_second),
    MEMORY: (Metric.MEMORY, _of_available),
}


def read(
    cloud: Cloud, region: str, machines: Sequence[str], first: datetime, last: datetime
) -> dict[str, dict[Metric, Utilisation]]:
    """What Azure Monitor has of the machines, by resource id. Raises a ``CloudError``."""
    client = _client(cloud, region)
    found: dict[str, dict[Metric, Utilisation]] = {machine: {} for machine in machines}
    for start in range(0, len(machines), AT_ONCE):
        some = machines[start : start + AT_ONCE]
        by_id = {machine.casefold(): machine for machine in some}  # Azure answers in the case it likes
        for (machine_id, metric), samples in _samples(client, some, first, last).items():
            machine = by_id.get(machine_id, "")
            used = folded(machine, metric, samples, first=first, last=last)
            if machine and used is not None:
                found[machine][metric] = used
    return found


def _client(cloud: Cloud, region: str) -> MetricsClient:
    endpoint = cloud.endpoint or f"https://{region}.metrics.monitor.azure.com"
    return MetricsClient(endpoint, retry_total=RETRIES, **cloud.options(SCOPE))


def _samples(client: MetricsClient, machines: Sequence[str], first: datetime, last: datetime) -> Samples:
    """Memory is asked for by itself: where a machine's host does not publish it, Azure refuses the whole question."""
    samples: Samples = {}
    for names in ([name for name in NAMES if name != MEMORY], [MEMORY]):
        with in_words():
            for result in _asked(client, machines, names, first, last):
                for key, sample in _of_result(result):
                    samples.setdefault(key, []).append(sample)
    return samples


def _asked(
    client: MetricsClient, machines: Sequence[str], names: list[str], first: datetime, last: datetime
) -> list[MetricsQueryResult]:
    try:
        return client.query_resources(
            resource_ids=list(machines),
            metric_namespace=NAMESPACE,
            metric_names=names,
            timespan=(first, last),
            granularity=timedelta(seconds=SAMPLE_SECONDS),
            aggregations=AGGREGATIONS,
            retry_on_methods=["POST"],  # the SDK takes no POST for a question, and would not repeat it
        )
    except HttpResponseError as error:
        if error.status_code == 400 and names == [MEMORY]:
            return []
        raise


def _of_result(result: MetricsQueryResult) -> Iterator[tuple[tuple[str, Metric], Sample]]:
    for metric in result.metrics:
        kind, sample_of = NAMES.get(metric.name, (None, None))
        if kind is None or sample_of is None:
            continue
        for value in (value for series in metric.timeseries for value in series.data):
            sample = sample_of(value.timestamp.astimezone(UTC), value)
            if sample is not None:
                yield (_machine_of(metric.id), kind), sample


def _machine_of(metric_id: str) -> str:
    """The SDK drops the answer's "resourceid"; a metric's own id begins with it."""
    return metric_id.casefold().partition("/providers/microsoft.insights/")[0]


def _or(value: float | None, other: float) -> float:
    return other if value is None else value
