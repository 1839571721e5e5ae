"""CloudWatch's metrics in the simulated AWS: moto's, but fast, and with a past for every machine.

moto compares every period with everything it knows, which takes minutes for two weeks of a few machines; here each
query's values are looked up once. And a machine that nobody works on has no figures: until some are put for it, it has
made-up ones of two weeks, as a small web server would: quiet at night, busy in the afternoon. They are a function of
its id and the hour, so that one machine always looks the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend, MetricDatum
from moto.ec2.models import ec2_backends

PAST = timedelta(days=14)
HOUR = timedelta(hours=1)
STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
    "SampleCount": len,
}
MADE_UP = {  # least, most, and by how much it jumps: percent, and bytes in five minutes
    ("AWS/EC2", "CPUUtilization"): (2.0, 6.0, 0.8),
    ("CWAgent", "mem_used_percent"): (18.0, 24.0, 1.5),
    ("AWS/EC2", "NetworkIn"): (3e5, 4e6, 5e4),
    ("AWS/EC2", "NetworkOut"): (9e5, 1.2e7, 2e5),
}
Series = tuple[str, str, tuple[tuple[str, str], ...]]  # namespace, name, dimensions


def mend() -> None:
    """Put our answers in place of moto's."""
    plain_get, plain_list = CloudWatchBackend.get_metric_data, CloudWatchBackend.list_metrics

    def get_metric_data(
        backend: CloudWatchBackend,
        queries: list[dict[str, Any]],
        start_time: datetime,
        end_time: datetime,
        scan_by: str = "TimestampAscending",
    ) -> list[dict[str, Any]]:
        if any("MetricStat" not in query for query in queries):
            return plain_get(backend, queries, start_time, end_time, scan_by)
        known, span = _put(backend), (_plain(start_time), _plain(end_time))
        return [_answer(backend, known, query, span, scan_by) for query in queries]

    def list_metrics(backend: CloudWatchBackend, token: Any, namespace: Any, name: Any, dimensions: Any) -> Any:
        more, found = plain_list(backend, token, namespace, name, dimensions)
        machine = next((each["Value"] for each in dimensions or [] if each["Name"] == "InstanceId"), "")
        if not found and (namespace, name) in MADE_UP and _exists(backend, machine):
            found = [MetricDatum(namespace, name, 0.0, [{"Name": "InstanceId", "Value": machine}], None)]
        return more, found

    setattr(CloudWatchBackend, plain_get.__name__, get_metric_data)
    setattr(CloudWatchBackend, plain_list.__name__, list_metrics)


def _put(backend: CloudWatchBackend) -> dict[Series, list[tuple[datetime, float]]]:
    """What was put, by series."""
    known: dict[Series, list[tuple[datetime, float]]] = {}
    for datum in backend.metric_data:
        if isinstance(datum, MetricDatum):
            dimensions = tuple(sorted((str(each.name), str(each.value)) for each in datum.dimensions))
            known.setdefault((datum.namespace, datum.name, dimensions), []).append(
                (_plain(datum.timestamp), float(datum.value))
            )
    return known


def _answer(
    backend: CloudWatchBackend,
    known: Mapping[Series, list[tuple[datetime, float]]],
    query: dict[str, Any],
    span: tuple[datetime, datetime],
    scan_by: str,
) -> dict[str, Any]:
    asked, metric = query["MetricStat"], query["MetricStat"]["Metric"]
    dimensions = tuple(sorted((each["Name"], each["Value"]) for each in metric.get("Dimensions", [])))
    series = metric["Namespace"], metric["MetricName"], dimensions
    period, (first, last) = timedelta(seconds=int(asked["Period"])), span
    found: dict[datetime, list[float]] = {}
    for at, value in known.get(series) or _made_up(backend, series, last):
        if first <= at < last:
            found.setdefault(first + (at - first) // period * period, []).append(value)
    times = sorted(found, reverse=scan_by == "TimestampDescending")
    return {
        "id": query["Id"],
        "label": query.get("Label") or metric["MetricName"],
        "timestamps": times,
        "values": [STATISTICS[asked["Stat"]](found[at]) for at in times],
        "status_code": "Complete",
    }


def _made_up(backend: CloudWatchBackend, series: Series, last: datetime) -> list[tuple[datetime, float]]:
    namespace, name, dimensions = series
    machine = dict(dimensions).get("InstanceId", "")
    if (namespace, name) not in MADE_UP or not _exists(backend, machine):
        return []
    least, most, jitter = MADE_UP[namespace, name]
    values = []
    for at in _hours(last):
        chance = Random(f"{machine} {name} {at:%Y-%m-%dT%H}")  # noqa: S311 - made-up figures
        busy = 0.5 - 0.5 * math.cos(2 * math.pi * (at.hour - 3) / 24)  # least at three in the morning
        values.append((at, least + (most - least) * busy + chance.uniform(0, jitter)))
    return values


def _exists(backend: CloudWatchBackend, machine: str) -> bool:
    instances = ec2_backends[backend.account_id][backend.region_name]
    return bool(machine) and instances.get_instance_by_id(machine) is not None


def _plain(at: datetime) -> datetime:
    """As moto keeps times: UTC, and not saying so."""
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _hours(last: datetime) -> Iterator[datetime]:
    at = last.replace(minute=0, second=0, microsecond=0) - PAST
    while at < last:
        yield at
        at += HOUR
