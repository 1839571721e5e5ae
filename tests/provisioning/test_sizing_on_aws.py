"""A machine in the simulated AWS, from its figures in CloudWatch to the form that would change it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from clouds import sandbox
from clouds.models import CloudAccount
from provisioning.models import Resource, Run, SizingProposal, SizingReading

from .conftest import VM, activate

REGION = VM["region"]


@pytest.fixture
def aws(moto: str, settings: Any) -> Callable[[str], Any]:
    """Clients of the simulated AWS, which the platform reaches too."""
    settings.SANDBOX_AWS_ENDPOINT = moto
    keys = sandbox.AWS_CREDENTIALS

    def client(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # the stubs want a literal service name
            service,
            region_name=REGION,
            endpoint_url=moto,
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
        )

    return client


@pytest.fixture
def simulated(tenant: SimpleNamespace, aws: Any) -> CloudAccount:
    return CloudAccount.objects.create(
        organization=tenant.organization,
        provider="aws",
        name="Simulated AWS",
        credentials=dict(sandbox.AWS_CREDENTIALS),
        default_region=REGION,
        status="verified",
        is_sandbox=True,
    )


@pytest.fixture
def machine(aws: Callable[[str], Any], simulated: CloudAccount, order: Callable[..., Run]) -> Callable[..., Resource]:
    """An active VM whose instance exists in the simulated AWS."""

    def make(size: str) -> Resource:
        ec2 = aws("ec2")
        image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
        instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        run = order("web-1", inputs={**VM, "size": size}, cloud_account=simulated)
        return activate(run, outputs={"instance_id": instance})

    return make


def put(aws: Callable[[str], Any], namespace: str, name: str, value: float, **dimensions: str) -> None:
    """The same value each hour of the last fourteen days."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    named = [{"Name": key, "Value": one} for key, one in dimensions.items()]
    data = [
        {"MetricName": name, "Dimensions": named, "Timestamp": now - timedelta(hours=hour), "Value": value}
        for hour in range(1, 14 * 24 + 1)
    ]
    for start in range(0, len(data), 150):
        aws("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data[start : start + 150])


def propose() -> None:
    call_command("propose_sizes", stdout=StringIO(), stderr=StringIO())


def test_figures_in_cloudwatch_become_a_proposal_and_one_click_its_preview(
    aws: Callable[[str], Any],
    machine: Callable[..., Resource],
    tenant: SimpleNamespace,
    sign_in: Callable[[User], Client],
) -> None:
    resource = machine("large")
    instance = resource.outputs["instance_id"]
    put(aws, "AWS/EC2", "CPUUtilization", 7.0, InstanceId=instance)
    put(aws, "CWAgent", "mem_used_percent", 35.0, InstanceId=instance, ImageId="ami-1", InstanceType="t3.large")

    propose()

    made = SizingProposal.objects.get()
    assert (made.from_machine, made.to_machine) == ("t3.large", "t3.medium")
    assert made.reason == "p95 CPU 7 % and memory 35 % over 14 days; medium would run at 7 % and 70 % of its memory."
    client = sign_in(tenant.member)
    page = client.get(f"/resources/{resource.pk}/").content.decode()
    link = f"/resources/{resource.pk}/update/?proposal={made.pk}"
    assert link in page

    preview = client.get(link)

    assert (preview.context["monthly_before"], preview.context["quoted"].monthly) == (
        made.monthly_before,
        made.monthly_after,
    )
    assert [(each.field, each.in_place) for each in preview.context["changes"]] == [("size", True)]
    form = preview.context["inputs_form"]
    sent = client.post(link.partition("?")[0], {name: form[name].value() or "" for name in form.fields})
    assert sent.status_code == 302
    assert Run.objects.get(operation="update").inputs["size"] == "medium"


def test_a_machine_that_nobody_put_figures_for_has_made_up_ones(machine: Callable[..., Resource]) -> None:
    """So that a proposal appears in a trial."""
    resource = machine("small")

    propose()

    reading = SizingReading.objects.get()
    assert reading.verdict == "proposed", reading.detail
    assert (reading.figures["cpu"]["hours"], reading.figures["memory"]["hours"]) == (336, 336)
    assert SizingProposal.objects.get(resource=resource).to_machine == "t3.micro"


def test_keys_that_may_not_read_metrics_say_so_on_the_page(
    machine: Callable[..., Resource],
    aws_cloud: Any,
    tenant: SimpleNamespace,
    sign_in: Callable[[User], Client],
) -> None:
    machine("small")
    fault = {"status": 403, "code": "AccessDenied", "message": "no", "times": 9}
    aws_cloud.control("POST", "faults", {"type": "monitoring", **fault})
    try:
        propose()
    finally:
        aws_cloud.control("DELETE", "faults")

    page = sign_in(tenant.viewer).get("/sizing/").content.decode()
    assert "AWS does not allow these keys to call ListMetrics" in page
    assert "Could not be read" in page
