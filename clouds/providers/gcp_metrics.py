"""How busy Google's machines were, read from Cloud Monitoring. Heavy: see ``asking``.

Compute Engine knows processor and network; memory is known where the Ops Agent runs in the machine, and of the E2
family by its memory balloon as well, which counts the page cache as used and so never says too little.
Google's own monitoring library speaks gRPC only, which a stand-in cannot answer and a proxy does not pass: the same
calls are made as REST.
Sources: Cloud Monitoring API v3, projects.timeSeries.list; "Google Cloud metrics" (compute) and "Ops Agent metrics".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core import exceptions as answers
from google.api_core.retry import Retry, if_exception_type

from .gcp_sdk import Cloud, in_words
from .metrics import SAMPLE_SECONDS, Metric, Sample, Utilisation, folded

ASK_AGAIN = Retry(  # Google counts questions by the minute
    predicate=if_exception_type(answers.TooManyRequests, answers.ServiceUnavailable),
    initial=2.0,  # seconds
    multiplier=2.0,
    timeout=90.0,
)
AT_ONCE = 20  # machines in one filter
PAGE = 50_000  # points; Google allows 100,000
COMPUTE = "compute.googleapis.com/instance/"
BY_ID = "resource.labels.instance_id"

Values = dict[str, dict[datetime, float]]  # by the machine's number, then by the beginning of the five minutes


@dataclass(frozen=True, slots=True)
class Stored:
    """A metric as Google keeps it: what makes five minutes of it, and what makes one series of several."""

    type: str
    mean: str = "ALIGN_MEAN"
    maximum: str = "ALIGN_MAX"
    reducer: str = "REDUCE_MAX"
    scale: float = 1.0
    condition: str = ""


STORED = {
    Metric.CPU: Stored(f"{COMPUTE}cpu/utilization", scale=100),
    Metric.NETWORK_IN: Stored(f"{COMPUTE}network/received_bytes_count", "ALIGN_RATE", "ALIGN_RATE", "REDUCE_SUM"),
    Metric.NETWORK_OUT: Stored(f"{COMPUTE}network/sent_bytes_count", "ALIGN_RATE", "ALIGN_RATE", "REDUCE_SUM"),
    Metric.MEMORY: Stored("agent.googleapis.com/memory/percent_used", condition=' AND metric.labels.state="used"'),
}
BALLOON_USED = Stored(f"{COMPUTE}memory/balloon/ram_used")
BALLOON_SIZE = Stored(f"{COMPUTE}memory/balloon/ram_size")


def read(
    cloud: Cloud, machines: Sequence[str], first: datetime, last: datetime
) -> dict[str, dict[Metric, Utilisation]]:
    """What Cloud Monitoring has of the machines ("projects/p/zones/z/instances/web"). Raises a ``CloudError``."""
    found: dict[str, dict[Metric, Utilisation]] = {machine: {} for machine in machines}
    numbers = {number: machine for machine in machines if (number := _number(cloud, machine))}
    window = first, last
    for start in range(0, len(numbers), AT_ONCE):
        some = list(numbers)[start : start + AT_ONCE]
        for metric, stored in STORED.items():
            _keep(found, metric, _samples(cloud, stored, some, window), numbers, window)
        unknown = [number for number in some if Metric.MEMORY not in found[numbers[number]]]
        if unknown:
            _keep(found, Metric.MEMORY, _of_balloon(cloud, unknown, window), numbers, window)
    return found


def _number(cloud: Cloud, machine: str) -> str:
    """Google's number of the machine, by which its metrics are kept; "" for one that is gone."""
    with in_words():
        try:
            return str(_asked(cloud, "compute", f"/compute/v1/{machine}").get("id", ""))
        except answers.NotFound:
            return ""


def _asked(cloud: Cloud, host: str, path: str, **parameters: str) -> dict[str, Any]:
    """One GET, repeated where Google wants to be asked less often. Raises what the libraries do."""
    try:
        answer: dict[str, Any] = ASK_AGAIN(cloud.asked)(host, path, **parameters)
    except answers.RetryError as error:
        raise error.cause or error from None
    return answer


def _keep(
    found: dict[str, dict[Metric, Utilisation]],
    metric: Metric,
    samples: dict[str, list[Sample]],
    numbers: dict[str, str],
    window: tuple[datetime, datetime],
) -> None:
    first, last = window
    for number, some in samples.items():
        machine = numbers.get(number, "")
        used = folded(machine, metric, some, first=first, last=last)
        if machine and used is not None:
            found[machine][metric] = used


def _samples(
    cloud: Cloud, stored: Stored, numbers: list[str], window: tuple[datetime, datetime]
) -> dict[str, list[Sample]]:
    means = _values(cloud, stored, stored.mean, numbers, window)
    maxima = means if stored.maximum == stored.mean else _values(cloud, stored, stored.maximum, numbers, window)
    return {
        number: [
            Sample(at, mean * stored.scale, maxima.get(number, {}).get(at, mean) * stored.scale)
            for at, mean in of_machine.items()
        ]
        for number, of_machine in means.items()
    }


def _of_balloon(cloud: Cloud, numbers: list[str], window: tuple[datetime, datetime]) -> dict[str, list[Sample]]:
    sizes = _values(cloud, BALLOON_SIZE, "ALIGN_MEAN", numbers, window)
    used = _samples(cloud, BALLOON_USED, [number for number in numbers if number in sizes], window) if sizes else {}
    return {
        number: [
            Sample(each.at, 100 * each.mean / size, 100 * each.maximum / size)
            for each in samples
            if (size := sizes[number].get(each.at))
        ]
        for number, samples in used.items()
    }


def _values(
    cloud: Cloud, stored: Stored, aligner: str, numbers: list[str], window: tuple[datetime, datetime]
) -> Values:
    one_of = ",".join(f'"{number}"' for number in numbers)
    parameters = {
        "filter": f'metric.type="{stored.type}" AND {BY_ID}=one_of({one_of}){stored.condition}',
        "interval.startTime": _written(window[0]),
        "interval.endTime": _written(window[1]),
        "aggregation.alignmentPeriod": f"{SAMPLE_SECONDS}s",
        "aggregation.perSeriesAligner": aligner,
        "aggregation.crossSeriesReducer": stored.reducer,
        "aggregation.groupByFields": BY_ID,
        "pageSize": str(PAGE),
    }
    values: Values = defaultdict(dict)
    for series in _series(cloud, parameters):
        values[series["resource"]["labels"]["instance_id"]].update(_points(series))
    return dict(values)


def _series(cloud: Cloud, parameters: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Every page; one holds so many points, and a series that has more goes on in the next."""
    more: dict[str, str] = {}
    while True:
        with in_words():
            page = _asked(cloud, "monitoring", f"/v3/projects/{cloud.project_id}/timeSeries", **parameters, **more)
        yield from page.get("timeSeries", [])
        if not page.get("nextPageToken"):
            return
        more = {"pageToken": page["nextPageToken"]}


def _points(series: dict[str, Any]) -> Iterator[tuple[datetime, float]]:
    """Google dates an aligned point by its end."""
    for point in series.get("points", []):
        value = point["value"]
        end = datetime.fromisoformat(point["interval"]["endTime"]).astimezone(UTC)
        yield end - timedelta(seconds=SAMPLE_SECONDS), float(value.get("doubleValue", value.get("int64Value", 0)))


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
