"""Stopping and starting EC2 instances, against moto."""

import boto3
import pytest

from clouds.providers import CloudError
from clouds.providers.aws import AwsAdapter

from .conftest import KEYS, REGION


def test_an_instance_is_stopped_and_started_and_asked_again_without_harm(aws: AwsAdapter) -> None:
    ec2 = boto3.client("ec2", region_name=REGION)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro")
    machine = made["Instances"][0]["InstanceId"]
    assert aws.has_power(KEYS, REGION, machine) is True

    for is_on in (False, False, True, True):
        aws.switch_power(KEYS, REGION, machine, is_on=is_on)
        assert aws.has_power(KEYS, REGION, machine) is is_on


def test_an_instance_that_is_gone_is_said_to_be(aws: AwsAdapter) -> None:
    with pytest.raises(CloudError):
        aws.has_power(KEYS, REGION, "i-0123456789abcdef0")
