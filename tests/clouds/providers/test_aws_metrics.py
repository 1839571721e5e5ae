"""CloudWatch's metrics of instances: against moto, and against answers that moto does not give."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from clouds.providers import CloudUnreachable, NotPermitted, aws_metrics, get_adapter
from clouds.providers.aws import AwsAdapter
from clouds.providers.aws_permissions import READS
from clouds.providers.aws_sdk import Cloud, in_words
from clouds.providers.metrics import Metric
from tests.plugin import SimulatedCloud

from .conftest import KEYS, REGION

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
LAST = FIRST + timedelta(hours=2)
MACHINE = "i-0123456789abcdef0"
SANDBOX_KEYS = {"access_key_id": "AKIASANDBOXSANDBOX00", "secret_access_key": "sandbox"}


def put(namespace: str, name: str, *values: float, client: Any = None, **dimensions: str) -> None:
    """One value each five minutes from ``FIRST`` on."""
    client = client or boto3.client("cloudwatch", region_name=REGION)
    named = [{"Name": key, "Value": value} for key, value in {"InstanceId": MACHINE, **dimensions}.items()]
    data = [
        {
            "MetricName": name,
            "Dimensions": named,
            "Timestamp": FIRST + number * timedelta(minutes=5),
            "Value": value,
        }
        for number, value in enumerate(values)
    ]
    client.put_metric_data(Namespace=namespace, MetricData=data)


def test_processor_and_network_are_read_from_ec2(aws: AwsAdapter) -> None:
    put("AWS/EC2", "CPUUtilization", *[4.0] * 12, *[8.0] * 12)
    put("AWS/EC2", "NetworkIn", 3000.0, 6000.0)
    put("AWS/EC2", "NetworkOut", 300.0)

    found = aws.utilisation(KEYS, REGION, [MACHINE], FIRST, LAST)[MACHINE]

    cpu = found[Metric.CPU]
    assert [(point.at, point.mean, point.maximum) for point in cpu.points] == [
        (FIRST, 4.0, 4.0),
        (FIRST + timedelta(hours=1), 8.0, 8.0),
    ]
    assert (cpu.mean, cpu.p95, cpu.hours) == (6.0, 8.0, 2)
    assert found[Metric.NETWORK_IN].mean == 15.0  # bytes per second
    assert found[Metric.NETWORK_OUT].maximum == 1.0
    assert Metric.MEMORY not in found


def test_memory_is_found_with_whatever_else_the_agent_names(aws: AwsAdapter) -> None:
    put("CWAgent", "mem_used_percent", 40.0, 50.0, ImageId="ami-1", InstanceType="t3.large")

    found = aws.utilisation(KEYS, REGION, [MACHINE], FIRST, LAST)[MACHINE]

    assert (found[Metric.MEMORY].mean, found[Metric.MEMORY].maximum) == (45.0, 50.0)


def test_a_machine_without_data_is_in_the_answer_with_nothing(aws: AwsAdapter) -> None:
    put("AWS/EC2", "CPUUtilization", 4.0)

    found = aws.utilisation(KEYS, REGION, [MACHINE, "i-unknown"], FIRST, LAST)

    assert (list(found[MACHINE]), dict(found["i-unknown"])) == ([Metric.CPU], {})


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """CloudWatch's client with answers laid down by the test; the agent has nothing."""
    client = boto3.client("cloudwatch", region_name=REGION, aws_access_key_id="A", aws_secret_access_key="S")
    monkeypatch.setattr(Cloud, "client", lambda *_, **__: client)
    with Stubber(client) as stubber:
        stubber.add_response("list_metrics", {"Metrics": []})
        yield stubber
        stubber.assert_no_pending_responses()


def page(number: int, *values: float, token: str = "", start: datetime = FIRST) -> dict[str, Any]:
    """Half an answer: mean and maximum of the first series (the processor), newest first as AWS sends them."""
    times = [start + step * timedelta(minutes=5) for step in range(len(values))][::-1]
    results = [
        {"Id": word, "Label": "CPU", "Timestamps": times, "Values": list(values)[::-1], "StatusCode": "PartialData"}
        for word in ("mean0", "max0")
    ]
    return {"MetricDataResults": results, **({"NextToken": token} if token else {})}


def test_an_answer_of_several_pages_is_put_together(stubbed: Stubber) -> None:
    asked = {"MetricDataQueries": ANY, "StartTime": FIRST, "EndTime": LAST}
    stubbed.add_response("get_metric_data", page(1, 1.0, 2.0, token="more"), asked)
    later = page(2, 9.0, start=FIRST + timedelta(hours=1))
    stubbed.add_response("get_metric_data", later, {**asked, "NextToken": "more"})

    found = aws_metrics.read(Cloud(KEYS, REGION, ""), [MACHINE], FIRST, LAST)

    cpu = found[MACHINE][Metric.CPU]
    assert [(point.mean, point.maximum) for point in cpu.points] == [(1.5, 2.0), (9.0, 9.0)]


def test_more_machines_than_fit_into_one_call_are_asked_in_several(aws: AwsAdapter, monkeypatch: Any) -> None:
    monkeypatch.setattr(aws_metrics, "QUERIES_AT_ONCE", 4)  # two series: a machine has three
    put("AWS/EC2", "CPUUtilization", 4.0)
    put("AWS/EC2", "NetworkOut", 300.0)

    found = aws.utilisation(KEYS, REGION, ["i-other", MACHINE], FIRST, LAST)

    assert (found[MACHINE][Metric.CPU].mean, found[MACHINE][Metric.NETWORK_OUT].mean) == (4.0, 1.0)


def test_keys_that_may_not_read_metrics_are_told_so(stubbed: Stubber) -> None:
    stubbed.add_client_error("get_metric_data", "AccessDenied", http_status_code=403)

    with pytest.raises(NotPermitted, match="does not allow these keys to call GetMetricData"), in_words():
        aws_metrics.read(Cloud(KEYS, REGION, ""), [MACHINE], FIRST, LAST)


@pytest.fixture
def cloud(aws_cloud: SimulatedCloud) -> Iterator[SimulatedCloud]:
    yield aws_cloud
    aws_cloud.control("DELETE", "faults")


def throttle(cloud: SimulatedCloud, times: int) -> None:
    fault = {"status": 400, "code": "ThrottlingException", "message": "Rate exceeded", "times": times}
    cloud.control("POST", "faults", {"type": "monitoring", "operation": "GetMetricData", **fault})


def test_a_throttled_call_is_made_again(cloud: SimulatedCloud) -> None:
    client = boto3.client(
        "cloudwatch", region_name=REGION, endpoint_url=cloud.endpoint,
        aws_access_key_id=SANDBOX_KEYS["access_key_id"], aws_secret_access_key="sandbox",
    )  # fmt: skip
    put("AWS/EC2", "CPUUtilization", 4.0, client=client)
    throttle(cloud, times=2)

    found = get_adapter("aws", cloud.endpoint).utilisation(SANDBOX_KEYS, REGION, [MACHINE], FIRST, LAST)

    assert found[MACHINE][Metric.CPU].mean == 4.0


def test_a_cloud_that_throttles_without_end_is_unreachable(cloud: SimulatedCloud, monkeypatch: Any) -> None:
    monkeypatch.setattr(aws_metrics, "ATTEMPTS", 2)
    throttle(cloud, times=99)

    with pytest.raises(CloudUnreachable, match="ThrottlingException"):
        get_adapter("aws", cloud.endpoint).utilisation(SANDBOX_KEYS, REGION, [MACHINE], FIRST, LAST)


def test_the_probe_of_permissions_asks_metrics_that_do_not_exist(aws: AwsAdapter) -> None:
    permissions = get_adapter("aws").metrics_permissions()

    assert permissions == ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
    client = boto3.client("cloudwatch", region_name=REGION)
    for action in permissions:
        service, method, arguments = READS[action]
        assert service == "cloudwatch"
        getattr(client, method)(**arguments)  # well-formed: moto would raise
