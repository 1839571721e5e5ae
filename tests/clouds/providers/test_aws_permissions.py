from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber

from clouds.providers import CloudUnreachable, Permissions, aws
from clouds.providers.aws import AwsAdapter
from clouds.providers.aws_permissions import probe
from clouds.providers.aws_sdk import Cloud

from .conftest import KEYS, REGION, enforced

USER = "arn:aws:iam::123456789012:user/skyvend"
ROLE_SESSION = "arn:aws:sts::123456789012:assumed-role/deployer/session-1"


class Stubs:
    """boto3 clients that answer what a test lays down, in order, and check what they are asked."""

    def __init__(self) -> None:
        self.clients: dict[str, Any] = {}
        self.stubbers: dict[str, Stubber] = {}

    def of(self, service: str) -> Stubber:
        if service not in self.stubbers:
            keys = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "s"}
            self.clients[service] = boto3.client(service, region_name=REGION, **keys)
            self.stubbers[service] = Stubber(self.clients[service])
            self.stubbers[service].activate()
        return self.stubbers[service]

    def __call__(self, service: str) -> Any:
        self.of(service)
        return self.clients[service]


@pytest.fixture
def stubs() -> Stubs:
    return Stubs()


def decision(action: str, value: str, missing: list[str] | None = None) -> dict[str, Any]:
    return {"EvalActionName": action, "EvalDecision": value, "MissingContextValues": missing or []}


def simulated(stubs: Stubs, source: str, *decisions: dict[str, Any], **answer: Any) -> None:
    actions = [each["EvalActionName"] for each in decisions]
    expected = {"PolicySourceArn": source, "ActionNames": actions}
    stubs.of("iam").add_response(
        "simulate_principal_policy", {"EvaluationResults": list(decisions), **answer}, expected
    )


def test_the_simulator_names_what_is_missing(stubs):
    simulated(
        stubs,
        USER,
        decision("ec2:CreateTags", "explicitDeny"),
        decision("ec2:RunInstances", "allowed"),
        decision("s3:CreateBucket", "implicitDeny"),
    )
    found = probe(stubs, USER, ["s3:CreateBucket", "ec2:RunInstances", "ec2:CreateTags", "ec2:RunInstances"])
    assert found == Permissions(missing=["ec2:CreateTags", "s3:CreateBucket"], unchecked=[])


def test_what_hangs_on_an_unknown_condition_is_unchecked(stubs):
    simulated(stubs, USER, decision("ec2:RunInstances", "implicitDeny", ["aws:RequestTag/skyvend-resource"]))
    assert probe(stubs, USER, ["ec2:RunInstances"]) == Permissions(missing=[], unchecked=["ec2:RunInstances"])


def test_a_wildcard_cannot_be_simulated_and_is_unchecked(stubs):
    simulated(stubs, USER, decision("s3:CreateBucket", "allowed"))
    assert probe(stubs, USER, ["ec2:Describe*", "s3:CreateBucket"]) == Permissions([], ["ec2:Describe*"])


def test_a_role_session_is_simulated_as_its_role(stubs):
    simulated(stubs, "arn:aws:iam::123456789012:role/deployer", decision("s3:CreateBucket", "allowed"))
    assert probe(stubs, ROLE_SESSION, ["s3:CreateBucket"]) == Permissions([], [])


def test_pages_of_answers_are_read_to_the_end(stubs):
    first = {"PolicySourceArn": USER, "ActionNames": ["a:A", "b:B"]}
    answers = [decision("a:A", "allowed")], [decision("b:B", "implicitDeny")]
    iam = stubs.of("iam")
    iam.add_response(
        "simulate_principal_policy", {"EvaluationResults": answers[0], "IsTruncated": True, "Marker": "m"}, first
    )
    iam.add_response("simulate_principal_policy", {"EvaluationResults": answers[1]}, {**first, "Marker": "m"})
    assert probe(stubs, USER, ["a:A", "b:B"]) == Permissions(["b:B"], [])


def test_the_owner_of_the_account_lacks_nothing(stubs):
    assert probe(stubs, "arn:aws:iam::123456789012:root", ["ec2:RunInstances"]) == Permissions([], [])


def test_without_the_simulator_dry_runs_tell(stubs):
    stubs.of("iam").add_client_error("simulate_principal_policy", "AccessDenied")
    ec2 = stubs.of("ec2")
    ec2.add_response("describe_images", {"Images": [{"ImageId": "ami-0123456789abcdef0"}]})
    ec2.add_client_error("create_vpc", "UnauthorizedOperation")
    ec2.add_client_error("describe_instances", "DryRunOperation", expected_params={"DryRun": True})
    ec2.add_client_error(
        "run_instances",
        "DryRunOperation",
        expected_params={
            "ImageId": "ami-0123456789abcdef0",
            "InstanceType": "t3.micro",
            "MinCount": 1,
            "MaxCount": 1,
            "DryRun": True,
        },
    )
    stubs.of("s3").add_client_error("list_buckets", "AccessDenied")
    actions = ["ec2:CreateVpc", "ec2:DescribeInstances", "ec2:RunInstances", "s3:CreateBucket", "s3:ListAllMyBuckets"]
    assert probe(stubs, USER, actions) == Permissions(["ec2:CreateVpc", "s3:ListAllMyBuckets"], ["s3:CreateBucket"])


def test_a_dry_run_that_fails_for_another_reason_tells_nothing(stubs):
    stubs.of("iam").add_client_error("simulate_principal_policy", "AccessDenied")
    stubs.of("ec2").add_client_error("create_vpc", "VpcLimitExceeded")
    assert probe(stubs, USER, ["ec2:CreateVpc"]) == Permissions([], ["ec2:CreateVpc"])


def test_run_instances_is_not_tried_without_a_real_image(stubs):
    stubs.of("iam").add_client_error("simulate_principal_policy", "AccessDenied")
    stubs.of("ec2").add_response("describe_images", {"Images": []})
    assert probe(stubs, USER, ["ec2:RunInstances"]) == Permissions([], ["ec2:RunInstances"])


def test_actions_that_need_an_id_we_do_not_have_are_not_tried(stubs):
    stubs.of("iam").add_client_error("simulate_principal_policy", "AccessDenied")
    actions = ["ec2:TerminateInstances", "ec2:NoSuchAction", "made-up:Thing", "nonsense"]
    assert probe(stubs, USER, actions) == Permissions([], sorted(actions))


def test_a_cloud_that_stops_answering_ends_the_probe(stubs, monkeypatch):
    def times_out(*args: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://iam.amazonaws.com")

    monkeypatch.setattr(aws, "_identity", lambda *args: type("I", (), {"principal": USER}))
    monkeypatch.setattr(Cloud, "client", times_out)
    with pytest.raises(CloudUnreachable):
        AwsAdapter().probe(KEYS, REGION, ["ec2:RunInstances"])


def test_the_simulated_cloud_is_not_asked():
    adapter = AwsAdapter("http://127.0.0.1:9")
    assert adapter.probe(KEYS, REGION, ["ec2:B", "ec2:A", "ec2:A"]) == Permissions([], ["ec2:A", "ec2:B"])


def test_a_user_with_few_rights_at_an_aws_that_enforces_policies(user_with, aws):
    """moto has no simulator, so this is the second way; its EC2 checks policies before it dry-runs."""
    keys = user_with("ec2:DescribeInstances", "s3:ListAllMyBuckets")
    actions = ["ec2:CreateVpc", "ec2:DescribeInstances", "s3:CreateBucket", "s3:ListAllMyBuckets"]
    found = enforced(aws.probe)(keys, REGION, actions)
    assert found == Permissions(missing=["ec2:CreateVpc"], unchecked=["s3:CreateBucket"])
