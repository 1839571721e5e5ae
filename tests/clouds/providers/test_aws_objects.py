from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from clouds.providers import NotPermitted, aws_objects
from clouds.providers.aws import AwsAdapter
from clouds.providers.aws_sdk import Cloud

from .conftest import KEYS, REGION

IMAGE = "ami-12c6146b"  # one that moto knows
MINE = {"skyvend-resource": "0b6c0000-0000-4000-8000-000000000001", "skyvend-organization": "o1"}
OTHER = {**MINE, "skyvend-resource": "another"}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def make_instance(tags: dict[str, str]) -> str:
    ec2 = boto3.client("ec2", region_name=REGION)
    specification = [{"ResourceType": "instance", "Tags": tag_list(tags)}]
    answer = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, TagSpecifications=specification)
    return str(answer["Instances"][0]["InstanceId"])


def make_bucket(name: str, tags: dict[str, str]) -> None:
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    if tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})


def find(aws: AwsAdapter, tags: dict[str, str] = MINE) -> list[tuple[str, str]]:
    return [(found.object_type, found.id) for found in aws.tagged_objects(KEYS, REGION, tags)]


def test_finds_instances_and_buckets_carrying_all_tags(aws):
    instance = make_instance(MINE)
    make_instance(OTHER)
    make_bucket("mine", {**MINE, "Name": "assets"})
    make_bucket("other", OTHER)
    make_bucket("plain", {})
    assert find(aws) == [("ec2:instance", instance), ("s3:bucket", "mine")]
    found = aws.tagged_objects(KEYS, REGION, MINE)
    assert found[0].arn == f"arn:aws:ec2:{REGION}:123456789012:instance/{instance}"
    assert found[1].arn == "arn:aws:s3:::mine"


def test_finds_what_a_machine_is_made_of(aws):
    ec2 = boto3.client("ec2", region_name=REGION)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/25")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    pair = ec2.create_key_pair(KeyName="the-key")["KeyPairId"]
    ec2.create_tags(Resources=[vpc, subnet, group, pair], Tags=tag_list(MINE))
    found = {each.object_type: each for each in aws.tagged_objects(KEYS, REGION, MINE)}
    assert {kind: each.id for kind, each in found.items()} == {
        "ec2:key-pair": pair,
        "ec2:security-group": group,
        "ec2:subnet": subnet,
        "ec2:vpc": vpc,
    }
    assert found["ec2:key-pair"].name == "the-key"


def test_ended_instances_are_not_there_any_more(aws):
    instance = make_instance(MINE)
    boto3.client("ec2", region_name=REGION).terminate_instances(InstanceIds=[instance])
    assert find(aws) == []


def test_pages_of_the_tagging_api_are_read_to_the_end():
    client = boto3.client(
        "resourcegroupstaggingapi", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b"
    )
    asked = {"TagFilters": [{"Key": "skyvend-run", "Values": ["r"]}]}
    with Stubber(client) as stubber:
        for token, expected in (("next", asked), ("", {**asked, "PaginationToken": "next"})):
            arn = f"arn:aws:eks:{REGION}:1:cluster/{token or 'last'}"
            answer = {"ResourceTagMappingList": [{"ResourceARN": arn, "Tags": []}], "PaginationToken": token}
            stubber.add_response("get_resources", answer, expected)
        found = list(aws_objects._by_tagging_api(lambda service: client, {"skyvend-run": "r"}))
    assert [(each.object_type, each.id) for each in found] == [("eks:cluster", "next"), ("eks:cluster", "last")]


def test_nothing_carries_no_tags(aws):
    with pytest.raises(ValueError, match="at least one tag"):
        aws.tagged_objects(KEYS, REGION, {})


class Denied:
    """Makes some calls answer AccessDenied, as a narrow policy would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *operations: str) -> None:
        original = Cloud.client

        def client(asked: Cloud, service: str) -> Any:
            made = original(asked, service)
            refused = [name for name in operations if hasattr(made, name)]
            if refused:
                stubber = Stubber(made)
                for name in refused:
                    for _ in range(5):
                        stubber.add_client_error(name, "AccessDenied")
                stubber.activate()
            return made

        monkeypatch.setattr(Cloud, "client", client)


def test_without_the_tagging_api_the_direct_look_is_enough(aws, monkeypatch):
    instance = make_instance(MINE)
    make_bucket("mine", MINE)
    Denied(monkeypatch, "get_resources")
    assert find(aws) == [("ec2:instance", instance), ("s3:bucket", "mine")]


def test_without_the_direct_look_the_tagging_api_is_enough(aws, monkeypatch):
    make_bucket("mine", MINE)
    Denied(monkeypatch, "list_buckets")
    assert find(aws) == [("s3:bucket", "mine")]


def test_half_an_answer_is_none(aws, monkeypatch):
    make_bucket("mine", MINE)
    Denied(monkeypatch, "get_resources", "list_buckets")
    with pytest.raises(NotPermitted, match="GetResources"):
        find(aws)


def test_a_deleted_disk_is_not_there_though_its_tags_are(aws):
    ec2 = boto3.client("ec2", region_name=REGION)
    specification = [{"ResourceType": "volume", "Tags": tag_list(MINE)}]
    kept, deleted = (
        ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=specification)["VolumeId"]
        for _ in range(2)
    )
    ec2.delete_volume(VolumeId=deleted)
    assert find(aws) == [("ec2:volume", kept)]
