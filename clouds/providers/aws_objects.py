"""AWS objects by their tags, for recovery: what did a run that was killed leave behind?

The tagging API knows every kind of object but hears of new ones late, and it is exactly the newest that recovery looks
for. So EC2's own list of tags and the tags of recently made buckets are read as well.
Sources: Resource Groups Tagging API reference, GetResources; EC2 API reference, DescribeTags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError
from botocore.utils import ArnParser

from .base import CloudObject, Identity

PERMISSIONS = [
    "ec2:DescribeInstances",
    "ec2:DescribeKeyPairs",
    "ec2:DescribeTags",
    "ec2:DescribeVolumes",
    "s3:GetBucketTagging",
    "s3:ListAllMyBuckets",
    "tag:GetResources",
]
RECENT_BUCKETS = 100  # newest ones whose tags are read directly; older ones the tagging API knows
GONE_STATES = frozenset({"shutting-down", "terminated"})  # EC2 lists an instance for about an hour after its end
NO_TAGS = frozenset({"NoSuchTagSet", "NoSuchBucket"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

Clients = Callable[[str], Any]  # service name -> boto3 client


def find(clients: Clients, identity: Identity, region: str, tags: Mapping[str, str]) -> list[CloudObject]:
    """Every existing object in ``region`` carrying all of ``tags``, sorted by type and id; buckets from any region.

    Raises boto3's ``ClientError`` rather than return half an answer: where the tagging API is forbidden, every
    direct look must succeed, and the other way round.
    """
    if not tags:
        raise ValueError("objects are looked for by at least one tag")
    partition = identity.principal.split(":")[1]
    found, refusal = _ask(_by_tagging_api(clients, tags))
    looks = (
        _by_ec2_tags(clients, partition, identity.owner, region, tags),
        _by_bucket_tags(clients, tags, is_only_source=refusal is not None),
    )
    for look in looks:
        objects, error = _ask(look)
        if error is not None and refusal is not None:
            raise refusal
        found |= objects
    return _existing(clients, list(found.values()))


def _ask(objects: Iterator[CloudObject]) -> tuple[dict[tuple[str, str], CloudObject], ClientError | None]:
    """Objects by type and id, or the error where these keys are not allowed to look this way."""
    try:
        return {(found.object_type, found.id): found for found in objects}, None
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in DENIED:
            raise
        return {}, error


def _by_tagging_api(clients: Clients, tags: Mapping[str, str]) -> Iterator[CloudObject]:
    filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]
    pages = clients("resourcegroupstaggingapi").get_paginator("get_resources")
    for page in pages.paginate(TagFilters=filters):
        for entry in page["ResourceTagMappingList"]:
            yield _from_arn(entry["ResourceARN"], _name_in(entry.get("Tags", [])))


def _by_ec2_tags(
    clients: Clients, partition: str, owner: str, region: str, tags: Mapping[str, str]
) -> Iterator[CloudObject]:
    pages = clients("ec2").get_paginator("describe_tags")
    carriers: list[dict[str, str]] = []
    for key, value in tags.items():
        rows = [
            row
            for page in pages.paginate(Filters=[{"Name": "key", "Values": [key]}, {"Name": "value", "Values": [value]}])
            for row in page["Tags"]
        ]
        carriers.append({row["ResourceId"]: row["ResourceType"] for row in rows})
    for object_id, object_type in carriers[0].items():
        if all(object_id in carrier for carrier in carriers):
            arn = f"arn:{partition}:ec2:{region}:{owner}:{object_type}/{object_id}"
            yield CloudObject(object_type=f"ec2:{object_type}", id=object_id, arn=arn, name="")


def _by_bucket_tags(clients: Clients, tags: Mapping[str, str], *, is_only_source: bool) -> Iterator[CloudObject]:
    s3 = clients("s3")
    buckets = [bucket for page in s3.get_paginator("list_buckets").paginate() for bucket in page.get("Buckets", [])]
    buckets.sort(key=lambda bucket: bucket["CreationDate"], reverse=True)
    for bucket in buckets[:RECENT_BUCKETS]:
        carried = _bucket_tags(s3, bucket["Name"], may_skip=not is_only_source)
        if tags.items() <= carried.items():
            yield _from_arn(f"arn:{s3.meta.partition}:s3:::{bucket['Name']}", carried.get("Name", ""))


def _bucket_tags(s3: Any, bucket: str, *, may_skip: bool) -> dict[str, str]:
    """A bucket's tags; none for one that is gone or not tagged, or (``may_skip``) closed to these keys."""
    try:
        return {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in (NO_TAGS | DENIED if may_skip else NO_TAGS):
            raise
        return {}


def _existing(clients: Clients, found: list[CloudObject]) -> list[CloudObject]:
    """Without ended instances and disks, which stay listed for a while; key pairs by their own name, as Terraform
    imports them.
    """
    instances = [each.id for each in found if each.object_type == "ec2:instance"]
    volumes = [each.id for each in found if each.object_type == "ec2:volume"]
    pairs = [each.id for each in found if each.object_type == "ec2:key-pair"]
    gone = _gone_instances(clients, instances) if instances else frozenset()
    gone |= _gone_volumes(clients, volumes) if volumes else frozenset()
    names = _key_names(clients, pairs) if pairs else {}
    kept = [replace(each, name=names[each.id]) if each.id in names else each for each in found if each.id not in gone]
    return sorted(kept, key=lambda each: (each.object_type, each.id))


def _gone_instances(clients: Clients, ids: list[str]) -> frozenset[str]:
    pages = clients("ec2").get_paginator("describe_instances")
    states = {
        instance["InstanceId"]: instance["State"]["Name"]
        for page in pages.paginate(Filters=[{"Name": "instance-id", "Values": ids}])
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    }
    return frozenset(each for each in ids if states.get(each, "terminated") in GONE_STATES)


def _gone_volumes(clients: Clients, ids: list[str]) -> frozenset[str]:
    pages = clients("ec2").get_paginator("describe_volumes").paginate(Filters=[{"Name": "volume-id", "Values": ids}])
    states = {volume["VolumeId"]: volume["State"] for page in pages for volume in page["Volumes"]}
    return frozenset(each for each in ids if states.get(each, "deleted") in {"deleting", "deleted"})


def _key_names(clients: Clients, ids: list[str]) -> dict[str, str]:
    pairs = clients("ec2").describe_key_pairs(Filters=[{"Name": "key-pair-id", "Values": ids}])["KeyPairs"]
    return {pair["KeyPairId"]: pair["KeyName"] for pair in pairs}


def _from_arn(arn: str, name: str) -> CloudObject:
    """An object by its ARN: "arn:aws:ec2:eu-west-1:1:instance/i-1" is an "ec2:instance"; S3's name no type."""
    parts = ArnParser().parse_arn(arn)
    service, resource = parts["service"], parts["resource"]
    if service == "s3":
        return CloudObject(object_type="s3:bucket", id=resource, arn=arn, name=name or resource)
    separator = "/" if "/" in resource else ":"
    kind, _, object_id = resource.partition(separator)
    return CloudObject(
        object_type=f"{service}:{kind}" if object_id else service, id=object_id or kind, arn=arn, name=name
    )


def _name_in(tags: list[dict[str, str]]) -> str:
    return next((tag["Value"] for tag in tags if tag["Key"] == "Name"), "")
