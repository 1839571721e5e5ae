"""What an EKS cluster made by itself, found and removed at the simulated AWS."""

from typing import Any

import boto3
import pytest

from clouds.providers import get_adapter
from clouds.sandbox import AWS_CREDENTIALS

REGION = "eu-west-1"


@pytest.fixture
def planted(moto: str) -> dict[str, list[str]]:
    """{cluster: ids of what it made}, for two clusters in one network."""

    def client(service: str) -> Any:
        return boto3.client(
            service, endpoint_url=moto, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b"
        )

    ec2, elb = client("ec2"), client("elb")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = {}
    for cluster in ("one", "two"):
        owned = {"Key": f"kubernetes.io/cluster/{cluster}", "Value": "owned"}
        volume_tags = [{"Key": "ebs.csi.aws.com/cluster-name", "Value": cluster}]
        listener = {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}
        name = f"a{cluster}"
        elb.create_load_balancer(LoadBalancerName=name, Listeners=[listener], Subnets=[subnet], Tags=[owned])
        specification = [{"ResourceType": "volume", "Tags": volume_tags}]
        volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=specification)["VolumeId"]
        card = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        ec2.create_tags(Resources=[card], Tags=[owned])
        made[cluster] = [name, card, volume]
    return made


def test_what_one_cluster_made_is_removed_in_order_and_nothing_of_another(
    planted: dict[str, list[str]], moto: str
) -> None:
    adapter = get_adapter("aws", moto)

    left = adapter.leftovers(AWS_CREDENTIALS, REGION, "one")
    for each in left:
        adapter.remove(AWS_CREDENTIALS, REGION, each)

    assert [each.id for each in left] == planted["one"]
    assert adapter.leftovers(AWS_CREDENTIALS, REGION, "one") == []
    assert [each.id for each in adapter.leftovers(AWS_CREDENTIALS, REGION, "two")] == planted["two"]
    for each in adapter.leftovers(AWS_CREDENTIALS, REGION, "two"):
        adapter.remove(AWS_CREDENTIALS, REGION, each)
