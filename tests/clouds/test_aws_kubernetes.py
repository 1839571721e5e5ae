"""The EKS module under the real Terraform and the real AWS provider, against the simulated AWS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from provisioning.terraform import binary

from .test_modules import REGION, TAGS, Terraform, client, engine, providers

__all__ = ["engine", "providers"]


@pytest.fixture
def cluster(engine: binary.Binary, providers: Path, tmp_path: Path, moto: str) -> Iterator[Terraform]:
    module = settings.TERRAFORM_MODULES / "aws/kubernetes/1.0.0"
    terraform = Terraform(engine, providers, module, tmp_path / "kubernetes", moto)
    yield terraform
    terraform.destroy()


def test_a_cluster_is_as_safe_as_promised_grows_in_place_and_leaves_nothing_behind(
    cluster: Terraform, moto: str
) -> None:
    eks, ec2, iam = (client(service, moto) for service in ("eks", "ec2", "iam"))
    inputs: dict[str, Any] = {"name": "safe", "unique_suffix": "1a2b3c4d", "region": REGION, "tags": TAGS}

    outputs = cluster.apply(**inputs, node_size="medium")

    made = eks.describe_cluster(name=outputs["cluster_name"])["cluster"]
    assert made["resourcesVpcConfig"]["endpointPublicAccess"] is False
    assert made["accessConfig"]["authenticationMode"] == "API"
    assert made["tags"] == TAGS
    assert (outputs["endpoint"], outputs["ca_certificate"]) == (made["endpoint"], made["certificateAuthority"]["data"])
    user = yaml.safe_load(outputs["kubeconfig"])["users"][0]["user"]["exec"]
    assert user["args"][-3:] == ["safe-1a2b3c4d", "--output", "json"]
    nodes = eks.describe_nodegroup(clusterName="safe-1a2b3c4d", nodegroupName="nodes")["nodegroup"]
    assert (nodes["instanceTypes"], nodes["scalingConfig"]["maxSize"]) == (["t3.medium"], 3)

    changed = cluster.apply(**inputs, node_size="medium", max_nodes=5, public_endpoint=True)

    assert changed["endpoint"] == outputs["endpoint"]  # the same cluster
    nodes = eks.describe_nodegroup(clusterName="safe-1a2b3c4d", nodegroupName="nodes")["nodegroup"]
    assert nodes["scalingConfig"]["maxSize"] == 5
    assert eks.describe_cluster(name="safe-1a2b3c4d")["cluster"]["resourcesVpcConfig"]["endpointPublicAccess"] is True

    cluster.destroy()

    assert eks.list_clusters()["clusters"] == []
    assert iam.list_roles(PathPrefix="/skyvend/")["Roles"] == []
    ours = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["skyvend-resource"]}])["Tags"]
    assert [tag for tag in ours if "safe" in tag["ResourceId"]] == []
    assert ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["safe-1a2b3c4d"]}])["Vpcs"] == []
