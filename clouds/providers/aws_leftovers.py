"""What an EKS cluster made by itself: load balancers of its Services, volumes of its claims, and what these leave.

They carry the cluster's name in tags of the controllers that made them.
Sources: AWS Load Balancer Controller and EBS CSI driver documentation; Kubernetes' legacy AWS cloud provider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from .base import CloudObject

Clients = Callable[[str], Any]  # service name -> boto3 client
TAGS_AT_ONCE = 20  # load balancers whose tags one call tells
ORDER = (
    "elb:loadbalancer",
    "elbv2:loadbalancer",
    "elbv2:targetgroup",
    "ec2:network-interface",
    "ec2:security-group",
    "ec2:volume",
)  # fmt: skip - what hangs on another comes after it
UNUSED = {"status": "available"}
GONE = frozenset(
    {
        "InvalidGroup.NotFound",
        "InvalidNetworkInterfaceID.NotFound",
        "InvalidVolume.NotFound",
        "LoadBalancerNotFound",
        "TargetGroupNotFound",
    }
)


def find(clients: Clients, cluster: str) -> list[CloudObject]:
    """In the order in which they can be removed. Raises boto3's ``ClientError``."""
    found = [
        *_classic(clients("elb"), cluster),
        *_balancers(clients("elbv2"), cluster),
        *_of_ec2(clients("ec2"), cluster),
    ]
    return sorted(found, key=lambda each: (ORDER.index(each.object_type), each.id))


def remove(clients: Clients, found: CloudObject) -> None:
    """Raises boto3's ``ClientError``, unless it is gone already."""
    calls: dict[str, tuple[str, str, str]] = {
        "elb:loadbalancer": ("elb", "delete_load_balancer", "LoadBalancerName"),
        "elbv2:loadbalancer": ("elbv2", "delete_load_balancer", "LoadBalancerArn"),
        "elbv2:targetgroup": ("elbv2", "delete_target_group", "TargetGroupArn"),
        "ec2:network-interface": ("ec2", "delete_network_interface", "NetworkInterfaceId"),
        "ec2:security-group": ("ec2", "delete_security_group", "GroupId"),
        "ec2:volume": ("ec2", "delete_volume", "VolumeId"),
    }
    service, operation, parameter = calls[found.object_type]
    try:
        getattr(clients(service), operation)(**{parameter: found.id})
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in GONE:
            raise


def _is_of(cluster: str, tags: Iterable[dict[str, str]]) -> bool:
    """Whether the tags are those of something that the cluster owns; what it merely shares is somebody else's."""
    carried = {tag["Key"]: tag.get("Value", "") for tag in tags}
    return (
        carried.get(f"kubernetes.io/cluster/{cluster}") == "owned"
        or carried.get("elbv2.k8s.aws/cluster") == cluster
        or carried.get("ebs.csi.aws.com/cluster-name") == cluster
        or (carried.get("KubernetesCluster") == cluster and "kubernetes.io/created-for/pvc/name" in carried)
        or (carried.get("cluster.k8s.amazonaws.com/name") == cluster)
    )


def _classic(elb: Any, cluster: str) -> Iterator[CloudObject]:
    pages = elb.get_paginator("describe_load_balancers").paginate()
    names = [each["LoadBalancerName"] for page in pages for each in page["LoadBalancerDescriptions"]]
    for some in _slices(names):
        for row in elb.describe_tags(LoadBalancerNames=some)["TagDescriptions"]:
            if _is_of(cluster, row["Tags"]):
                name = row["LoadBalancerName"]
                yield CloudObject("elb:loadbalancer", name, name, name)


def _balancers(elbv2: Any, cluster: str) -> Iterator[CloudObject]:
    for kind, call, key, arn in (
        ("elbv2:loadbalancer", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
        ("elbv2:targetgroup", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    ):
        arns = [each[arn] for page in elbv2.get_paginator(call).paginate() for each in page[key]]
        for some in _slices(arns):
            for row in elbv2.describe_tags(ResourceArns=some)["TagDescriptions"]:
                if _is_of(cluster, row["Tags"]):
                    yield CloudObject(kind, row["ResourceArn"], row["ResourceArn"], row["ResourceArn"].split("/")[-2])


def _of_ec2(ec2: Any, cluster: str) -> Iterator[CloudObject]:
    """Volumes and network cards that nothing uses, and the firewalls of load balancers."""
    looks = (
        ("ec2:volume", "describe_volumes", "Volumes", "VolumeId", UNUSED),
        ("ec2:network-interface", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", UNUSED),
        ("ec2:security-group", "describe_security_groups", "SecurityGroups", "GroupId", {"group-name": "k8s-*"}),
    )
    for kind, call, key, id_key, narrowed in looks:
        filters = [{"Name": name, "Values": [value]} for name, value in narrowed.items()]
        for page in ec2.get_paginator(call).paginate(Filters=filters):
            for each in page[key]:
                if _is_of(cluster, each.get("Tags") or each.get("TagSet") or []):
                    yield CloudObject(kind, each[id_key], each[id_key], each.get("GroupName", ""))


def _slices(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), TAGS_AT_ONCE):
        yield names[start : start + TAGS_AT_ONCE]
