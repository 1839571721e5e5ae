"""How busy EC2 instances were, read from CloudWatch.

EC2 itself knows processor and network; memory only where the CloudWatch agent runs in the machine and publishes it.
Sources: CloudWatch API reference, GetMetricData (at most 500 queries a call, results of one query over several pages)
and ListMetrics; EC2 user guide, "CloudWatch metrics that are available for your instances"; CloudWatch user guide,
"Metrics collected by the CloudWatch agent".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .aws_sdk import Cloud
from .metrics import SAMPLE_SECONDS, Metric, Sample, Utilisation, folded

PERMISSIONS = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
QUERIES_AT_ONCE = 500
ATTEMPTS = 6  # of each call: CloudWatch throttles, and a nightly reading has time
EC2 = {  # metric: its name, the statistics that are its mean and maximum, what they are divided by
    Metric.CPU: ("CPUUtilization", "Average", "Maximum", 1),
    Metric.NETWORK_IN: ("NetworkIn", "Sum", "Sum", SAMPLE_SECONDS),
    Metric.NETWORK_OUT: ("NetworkOut", "Sum", "Sum", SAMPLE_SECONDS),
}
AGENT, AGENT_MEMORY = "CWAgent", "mem_used_percent"


@dataclass(frozen=True, slots=True)
class Series:
    """One stored metric, and what it says of which machine."""

    machine: str
    metric: Metric
    stored: dict[str, Any]  # CloudWatch's namespace, name and dimensions
    mean: str
    maximum: str
    divisor: int = 1


def read(
    cloud: Cloud, machines: Sequence[str], first: datetime, last: datetime
) -> dict[str, dict[Metric, Utilisation]]:
    """What CloudWatch has of the instances, by id. Raises boto3's errors."""
    client = cloud.client("cloudwatch", attempts=ATTEMPTS)
    series = [each for machine in machines for each in (*_of_ec2(machine), *_of_agent(client, machine))]
    samples: dict[tuple[str, Metric], list[Sample]] = defaultdict(list)
    for start in range(0, len(series), QUERIES_AT_ONCE // 2):
        for each, found in _answers(client, series[start : start + QUERIES_AT_ONCE // 2], first, last):
            samples[each.machine, each.metric] += found
    read: dict[str, dict[Metric, Utilisation]] = {machine: {} for machine in machines}
    for (machine, metric), found in samples.items():
        if used := folded(machine, metric, found, first=first, last=last):
            read[machine][metric] = used
    return read


def _of_ec2(machine: str) -> Iterator[Series]:
    dimensions = [{"Name": "InstanceId", "Value": machine}]
    for metric, (name, mean, maximum, divisor) in EC2.items():
        stored = {"Namespace": "AWS/EC2", "MetricName": name, "Dimensions": dimensions}
        yield Series(machine, metric, stored, mean, maximum, divisor)


def _of_agent(client: Any, machine: str) -> Iterator[Series]:
    """The agent names image and type beside the machine, as it is told to: whatever there is, is found by the id."""
    dimension = [{"Name": "InstanceId", "Value": machine}]
    pages = client.get_paginator("list_metrics")
    for page in pages.paginate(Namespace=AGENT, MetricName=AGENT_MEMORY, Dimensions=dimension):
        for found in page["Metrics"]:
            stored = {key: found[key] for key in ("Namespace", "MetricName", "Dimensions")}
            yield Series(machine, Metric.MEMORY, stored, "Average", "Maximum")


def _answers(
    client: Any, series: Sequence[Series], first: datetime, last: datetime
) -> Iterator[tuple[Series, list[Sample]]]:
    """Each series with its samples. A page holds a part of some: they are put together by id and time."""
    values: dict[str, dict[datetime, float]] = defaultdict(dict)
    queries = [query for number, each in enumerate(series) for query in _queries(number, each)]
    pages = client.get_paginator("get_metric_data")
    for page in pages.paginate(MetricDataQueries=queries, StartTime=first, EndTime=last):
        for result in page["MetricDataResults"]:
            times = (each.astimezone(UTC) for each in result["Timestamps"])
            values[result["Id"]].update(zip(times, result["Values"], strict=True))
    for number, each in enumerate(series):
        means, maxima = values[f"mean{number}"], values[f"max{number}"]
        yield each, [Sample(at, mean / each.divisor, maxima.get(at, mean) / each.divisor) for at, mean in means.items()]


def _queries(number: int, series: Series) -> Iterator[dict[str, Any]]:
    for word, statistic in (("mean", series.mean), ("max", series.maximum)):
        asked = {"Metric": series.stored, "Period": SAMPLE_SECONDS, "Stat": statistic}
        yield {"Id": f"{word}{number}", "MetricStat": asked}
