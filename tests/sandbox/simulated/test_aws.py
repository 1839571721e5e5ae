"""The simulated AWS: moto with faults on purpose, accounts by key, and AWS's own refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.plugin import SimulatedCloud

REGION = "eu-west-1"
FIRST = {"access_key_id": "AKIASANDBOXSANDBOX00", "secret_access_key": "sandbox"}
CALLS = [  # one of each protocol: what is called, the fault's names, what to ask
    ("ec2", "RunInstances", {"ImageId": "ami-1", "MinCount": 1, "MaxCount": 1}),
    ("iam", "CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}),
    ("s3", "CreateBucket", {"Bucket": "a-b", "CreateBucketConfiguration": {"LocationConstraint": REGION}}),
    ("s3", "PutBucketTagging", {"Bucket": "a-b", "Tagging": {"TagSet": []}}),
    ("eks", "DescribeCluster", {"name": "c"}),
    ("eks", "CreateNodegroup", {"clusterName": "c", "nodegroupName": "n", "subnets": ["s"], "nodeRole": "r"}),
    ("logs", "CreateLogGroup", {"logGroupName": "g"}),
    ("elb", "DescribeLoadBalancers", {}),
]


@pytest.fixture
def cloud(aws_cloud: SimulatedCloud) -> Iterator[SimulatedCloud]:
    yield aws_cloud
    aws_cloud.control("DELETE", "faults")


def client(cloud: SimulatedCloud, service: str, keys: dict[str, str] = FIRST, retries: int = 0) -> Any:
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name=REGION,
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
        config=Config(retries={"max_attempts": retries}, s3={"addressing_style": "path"}),
    )


def snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]


@pytest.mark.parametrize(("service", "operation", "arguments"), CALLS, ids=[f"{one[0]}:{one[1]}" for one in CALLS])
def test_a_planted_fault_reaches_the_client_with_its_code_and_words(
    cloud: SimulatedCloud, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    type_ = "elasticloadbalancing" if service == "elb" else service
    fault = {"status": 400, "code": "SomethingExceeded", "message": "Too <much> & more"}
    cloud.control("POST", "faults", {"type": type_, "operation": operation, **fault})

    with pytest.raises(ClientError) as refused:
        getattr(client(cloud, service), snake(operation))(**arguments)

    assert refused.value.response["Error"]["Code"] == "SomethingExceeded"
    assert refused.value.response["Error"]["Message"] == "Too <much> & more"
    assert [rule["seen"] for rule in cloud.control("GET", "faults").json()] == [1]


def test_a_call_whose_answer_is_lost_was_done_all_the_same(cloud: SimulatedCloud) -> None:
    ec2 = client(cloud, "ec2")
    cloud.control("POST", "faults", {"type": "ec2", "operation": "CreateKeyPair", "action": "drop_after"})

    with pytest.raises(ConnectionClosedError):
        ec2.create_key_pair(KeyName="lost")

    assert [pair["KeyName"] for pair in ec2.describe_key_pairs(KeyNames=["lost"])["KeyPairs"]] == ["lost"]


def test_a_call_that_names_itself_is_done_once_however_often_it_is_repeated(cloud: SimulatedCloud) -> None:
    ec2 = client(cloud, "ec2", retries=2)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    asked = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "ClientToken": "the-same"}
    cloud.control("POST", "faults", {"type": "ec2", "operation": "RunInstances", "action": "drop_after"})

    made = [ec2.run_instances(**asked)["Instances"][0]["InstanceId"] for _ in range(2)]

    found = ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": made}])["Reservations"]
    assert (made[0], len(found)) == (made[1], 1)


def test_each_access_key_has_an_account_of_its_own(cloud: SimulatedCloud) -> None:
    keys = [FIRST, *(cloud.control("POST", "principals").json() for _ in range(2))]

    accounts = [client(cloud, "sts", each).get_caller_identity()["Account"] for each in keys]
    client(cloud, "ec2", keys[1]).create_key_pair(KeyName="mine")

    assert (accounts[0], len(set(accounts))) == ("123456789012", 3)
    pairs = [client(cloud, "ec2", each).describe_key_pairs()["KeyPairs"] for each in keys]
    assert ["mine" in {pair["KeyName"] for pair in each} for each in pairs] == [False, True, False]


def test_an_expired_key_is_refused_wherever_it_is_used(cloud: SimulatedCloud) -> None:
    keys = cloud.control("POST", "principals").json()
    cloud.control("PUT", "expired", {"access_key_id": keys["access_key_id"]})

    for service, operation in (("sts", "get_caller_identity"), ("s3", "list_buckets"), ("eks", "list_clusters")):
        with pytest.raises(ClientError, match="ExpiredToken"):
            getattr(client(cloud, service, keys), operation)()


def test_the_controls_want_their_key(cloud: SimulatedCloud) -> None:
    assert httpx.get(f"{cloud.endpoint}/control/faults", trust_env=False).status_code == 403
