"""Cloud Monitoring's list of time series, aligned and a page at a time, newest point first.

Source: Cloud Monitoring API v3, projects.timeSeries.list; "Filtering and aggregation".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from werkzeug.wrappers import Request

from sandbox.simulated.cloud import Caller
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.metrics import Recorded, parsed, recorded, written
from sandbox.simulated.store import Store

from .kinds import number_of

PERMISSION = "monitoring.timeSeries.list"
METRIC = re.compile(r'metric\.type="(?P<type>[^"]+)"')
MACHINES = re.compile(r"resource\.labels\.instance_id=one_of\((?P<numbers>[^)]*)\)")
ALIGNERS: dict[str, Callable[[Recorded, float], float]] = {
    "ALIGN_MEAN": lambda found, _: found.average,
    "ALIGN_MAX": lambda found, _: max(found.values),
    "ALIGN_RATE": lambda found, seconds: sum(found.values) / seconds,
}
AT_MOST = 100_000  # points on a page


def answer(store: Store, caller: Caller, request: Request) -> dict[str, Any]:
    """Raises ``CloudFault``."""
    if PERMISSION in caller.denied:
        text = f"Permission {PERMISSION} denied (or the resource may not exist)."
        raise CloudFault(403, "PERMISSION_DENIED", text)
    metric, machines = METRIC.search(request.args["filter"]), MACHINES.search(request.args["filter"])
    if metric is None or machines is None:
        raise CloudFault(400, "INVALID_ARGUMENT", "The filter must name a metric type and machines.")
    numbers = set(re.findall(r'"(\d+)"', machines["numbers"]))
    points = [
        (number_of(each.id), point)
        for each in store.find("google_compute_instance", scope=caller.scope)
        if number_of(each.id) in numbers
        for point in _points(store, each.id, metric["type"], request)
    ]
    start = int(request.args.get("pageToken") or 0)
    end = start + min(int(request.args.get("pageSize") or AT_MOST), AT_MOST)
    page = {"timeSeries": list(_series(caller.scope, metric["type"], points[start:end]))}
    return {**page, "nextPageToken": str(end)} if end < len(points) else page


def _points(store: Store, id_: str, metric: str, request: Request) -> Iterator[dict[str, Any]]:
    """Aligned points, each dated by its end and lasting a period."""
    seconds = int(request.args["aggregation.alignmentPeriod"].removesuffix("s"))
    align = ALIGNERS[request.args["aggregation.perSeriesAligner"]]
    first, last = parsed(request.args["interval.startTime"]), parsed(request.args["interval.endTime"])
    every = timedelta(seconds=seconds)
    for found in reversed(recorded(store, id_, metric, first=first, last=last, every=every)):
        interval = {"startTime": written(found.at), "endTime": written(found.at + every)}
        yield {"interval": interval, "value": {"doubleValue": align(found, seconds)}}


def _series(project: str, metric: str, points: list[tuple[str, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The points of a page, each machine's together."""
    for number in dict.fromkeys(number for number, _ in points):
        yield {
            "metric": {"type": metric},
            "resource": {"type": "gce_instance", "labels": {"instance_id": number, "project_id": project}},
            "metricKind": "GAUGE",
            "valueType": "DOUBLE",
            "points": [point for of_machine, point in points if of_machine == number],
        }
