"""Where moto answers unlike AWS and the real provider trips over it, mended for the simulated AWS.

moto's EKS forgets how people sign in to a cluster, gives every cluster the same identity issuer, answers a change with
the cluster instead of an update, and cannot tell of an update. Its EC2 puts a launch template's own tags into the data,
and lists the tags of what was deleted.
Source: Amazon EKS API reference, CreateCluster, UpdateClusterConfig, UpdateClusterVersion, DescribeUpdate.
"""

from __future__ import annotations

import base64
import uuid
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models import EC2Backend
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend, LaunchTemplateVersion
from moto.eks import urls
from moto.eks.models import Cluster
from moto.eks.responses import EKSResponse

from sandbox.simulated.aws import metrics

GO_AT_ONCE = ("vpc-", "subnet-", "igw-", "sg-", "eni-", "rtb-")  # ids of what is gone with its deletion
CREATOR_IS_ADMIN = "bootstrapClusterCreatorAdminPermissions"


def mend() -> None:
    """Put our answers in place of moto's. Once, before its server is made."""
    _mend_clusters()
    _mend_launch_templates()
    _mend_tags()
    metrics.mend()


def _mend_launch_templates() -> None:
    plain_create = LaunchTemplate.create_version

    def create_version(template: LaunchTemplate, data: dict[str, Any], description: str) -> LaunchTemplateVersion:
        kept = [each for each in data.get("TagSpecifications", []) if each.get("ResourceType") != "launch-template"]
        return plain_create(template, {**data, "TagSpecifications": kept}, description)

    plain_delete = LaunchTemplateBackend.delete_launch_template

    def delete_launch_template(backend: Any, name: str, tid: str | None) -> LaunchTemplate:
        gone = plain_delete(backend, name, tid)
        backend.tags.pop(gone.id, None)
        return gone

    setattr(LaunchTemplate, plain_create.__name__, create_version)
    setattr(LaunchTemplateBackend, plain_delete.__name__, delete_launch_template)


def _mend_tags() -> None:
    plain_describe = EC2Backend.describe_tags

    def describe_tags(backend: EC2Backend, filters: dict[str, list[str]] | None = None) -> list[dict[str, str]]:
        existing = {each.arn.rpartition("/")[2] for each in backend.iter_tagged_resources()}
        rows = plain_describe(backend, filters)
        return [row for row in rows if row["resource_id"] in existing or not row["resource_id"].startswith(GO_AT_ONCE)]

    setattr(EC2Backend, plain_describe.__name__, describe_tags)


def _mend_clusters() -> None:
    plain_create, plain_create_nodegroup = EKSResponse.create_cluster, EKSResponse.create_nodegroup

    def create_cluster(response: EKSResponse) -> ActionResult:
        answer = plain_create(response)
        _complete(response.eks_backend.clusters[_given(response, "name")], _given(response, "accessConfig"))
        return answer

    def create_nodegroup(response: EKSResponse) -> ActionResult:
        answer = plain_create_nodegroup(response)
        nodegroups = response.eks_backend.clusters[_given(response, "name")].nodegroups
        nodegroup = nodegroups[_given(response, "nodegroupName")]
        nodegroup.remote_access = _given(response, "remoteAccess")
        nodegroup.update_config = _given(response, "updateConfig") or {"maxUnavailable": 1}
        return answer

    ours = {
        "create_cluster": create_cluster,
        "create_nodegroup": create_nodegroup,
        "update_cluster_config": _update_cluster_config,
        "update_cluster_version": _update_cluster_version,
        "update_nodegroup_version": _update_nodegroup_version,
        "describe_update": _describe_update,
    }
    for operation, answer in ours.items():
        setattr(EKSResponse, operation, answer)
    dispatch = urls.response.dispatch
    urls.url_paths |= {
        "{0}/clusters/(?P<name>[^/]+)/updates$": dispatch,
        "{0}/clusters/(?P<name>[^/]+)/updates/(?P<updateId>[^/]+)$": dispatch,
        "{0}/clusters/(?P<name>[^/]+)/node-groups/(?P<nodegroupName>[^/]+)/update-version$": dispatch,
    }


def _complete(cluster: Cluster, access: dict[str, Any] | None) -> None:
    """What is the cluster's own: issuer, address, certificate; and what was asked for and moto left out."""
    mark = uuid.uuid4().hex.upper()
    host = cluster.endpoint.split("://")[1].split(".", 1)[1].rstrip("/")
    cluster.endpoint = f"https://{mark}.{host}"
    issuer = cluster.identity["oidc"]["issuer"].rpartition("/")[0]
    cluster.identity = {"oidc": {"issuer": f"{issuer}/{mark}"}}
    cluster.certificate_authority = {"data": base64.b64encode(uuid.uuid4().bytes * 60).decode()}
    given = access or {}
    cluster.access_config = {  # type: ignore[attr-defined]
        "authenticationMode": given.get("authenticationMode", "CONFIG_MAP"),
        CREATOR_IS_ADMIN: given.get(CREATOR_IS_ADMIN, True),
    }


def _update_cluster_config(response: EKSResponse) -> ActionResult:
    """A change of the network settings leaves those it does not name as they were."""
    name = _given(response, "name")
    cluster = response.eks_backend.describe_cluster(name=name)
    given = _given(response, "resourcesVpcConfig") or {}
    cluster.resources_vpc_config = {**cluster.resources_vpc_config, **given}
    cluster.logging = _given(response, "logging") or cluster.logging
    if access := _given(response, "accessConfig"):
        cluster.access_config |= access  # type: ignore[attr-defined]
    return _done("VpcConfigUpdate")


def _update_cluster_version(response: EKSResponse) -> ActionResult:
    name = _given(response, "name")
    response.eks_backend.describe_cluster(name=name).version = _given(response, "version")
    return _done("VersionUpdate")


def _update_nodegroup_version(response: EKSResponse) -> ActionResult:
    name, group = _given(response, "name"), _given(response, "nodegroupName")
    nodegroup = response.eks_backend.describe_nodegroup(cluster_name=name, nodegroup_name=group)
    nodegroup.version = _given(response, "version") or nodegroup.version
    if template := _given(response, "launchTemplate"):
        nodegroup.launch_template = {**(nodegroup.launch_template or {}), **template}
    return _done("VersionUpdate")


def _describe_update(response: EKSResponse) -> ActionResult:
    return ActionResult({"update": _update(_given(response, "updateId"), "ConfigUpdate")})


def _given(response: EKSResponse, name: str) -> Any:
    """A parameter of the request, from its path or body."""
    return response._get_param(name)  # noqa: SLF001 - moto's own way to read it


def _done(kind: str) -> ActionResult:
    return ActionResult({"update": _update(str(uuid.uuid4()), kind)})


def _update(update_id: str, kind: str) -> dict[str, Any]:
    """Everything is done at once here."""
    return {"id": update_id, "status": "Successful", "type": kind, "params": [], "createdAt": utcnow(), "errors": []}
