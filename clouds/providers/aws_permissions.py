"""Which IAM actions some keys lack, found out without changing anything.

The policy simulator answers for every action at once, but a key may ask it only where its own policy says so. Else
each action is tried: EC2 has ``DryRun``, and some lists can simply be read. What neither way can tell stays unchecked.
A cloud that stops answering raises boto3's own error instead of one timeout per action.
Sources: IAM API reference, SimulatePrincipalPolicy; EC2 API reference, common parameter DryRun.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.utils import ArnParser, InvalidArnException

from .base import Permissions

SIMULATE = "iam:SimulatePrincipalPolicy"
BATCH = 100  # actions per question to the simulator
DENIED = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "403"})
IMAGE_FILTERS = [{"Name": "name", "Values": ["al2023-ami-2023*-x86_64"]}]
# Arguments for dry runs of actions that need some. Ids are well-formed and belong to nothing.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "CreateSecurityGroup": {"GroupName": "skyvend-permission-check", "Description": "never created: a dry run"},
    "CreateVpc": {"CidrBlock": "10.255.0.0/24"},
    "CreateInternetGateway": {},
    "CreateTags": {"Resources": ["vpc-00000000000000000"], "Tags": [{"Key": "skyvend-check", "Value": "1"}]},
    "ImportKeyPair": {"KeyName": "skyvend-permission-check", "PublicKeyMaterial": b"ssh-ed25519 AAAA"},
    "DeleteKeyPair": {"KeyName": "skyvend-permission-check"},
    "RunInstances": {"MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro"},
}
NO_METRIC: dict[str, Any] = {  # a question about nothing, which costs nothing
    "MetricDataQueries": [{"Id": "m", "Expression": "TIME_SERIES(0)", "Period": 3600}],
    "StartTime": datetime(2026, 1, 1, tzinfo=UTC),
    "EndTime": datetime(2026, 1, 1, 1, tzinfo=UTC),
}
READS: dict[str, tuple[str, str, dict[str, Any]]] = {  # action -> service, method, arguments
    "cloudwatch:GetMetricData": ("cloudwatch", "get_metric_data", NO_METRIC),
    "cloudwatch:ListMetrics": ("cloudwatch", "list_metrics", {"Namespace": "Skyvend", "MetricName": "None"}),
    "s3:ListAllMyBuckets": ("s3", "list_buckets", {}),
    "tag:GetResources": ("resourcegroupstaggingapi", "get_resources", {"ResourcesPerPage": 1}),
}

Clients = Callable[[str], Any]  # service name -> boto3 client


def probe(clients: Clients, principal: str, actions: Sequence[str]) -> Permissions:
    """Sort ``actions`` into missing and unchecked for the ``principal`` whose keys the clients use."""
    wanted = sorted(set(actions))
    if principal.endswith(":root"):  # the account's owner: no policy binds it
        return Permissions(missing=[], unchecked=[])
    simulated = _simulate(clients, principal, wanted)
    return simulated if simulated is not None else _try(clients, wanted)


def _simulate(clients: Clients, principal: str, actions: list[str]) -> Permissions | None:
    """Ask IAM's policy simulator; None where these keys may not ask it."""
    source = _policy_source(principal)
    plain = [action for action in actions if "*" not in action]
    if source is None:
        return None
    results: list[dict[str, Any]] = []
    try:
        for start in range(0, len(plain), BATCH):
            pages = clients("iam").get_paginator("simulate_principal_policy")
            for page in pages.paginate(PolicySourceArn=source, ActionNames=plain[start : start + BATCH]):
                results += page["EvaluationResults"]
    except ClientError:
        return None
    return _sort(actions, {result["EvalActionName"].lower(): _decision(result) for result in results})


def _decision(result: dict[str, Any]) -> bool | None:
    """Whether a simulated action is allowed; None where that hangs on a condition the simulator could not know."""
    if result["EvalDecision"] == "allowed":
        return True
    if result["EvalDecision"] == "implicitDeny" and result.get("MissingContextValues"):
        return None
    return False


def _try(clients: Clients, actions: list[str]) -> Permissions:
    names = [action.partition(":")[2] for action in actions if action.startswith("ec2:")]
    ec2 = clients("ec2") if names else None
    arguments = _arguments(ec2) if "RunInstances" in names else ARGUMENTS
    decisions: dict[str, bool | None] = {}
    for action in actions:
        service, _, name = action.partition(":")
        if action in READS:
            other, method, fixed = READS[action]
            decisions[action.lower()] = _attempt(getattr(clients(other), method), fixed)
        elif service == "ec2" and _has_dry_run(ec2, name, arguments):
            call = getattr(ec2, xform_name(name))
            decisions[action.lower()] = _attempt(call, {**arguments.get(name, {}), "DryRun": True})
    return _sort(actions, decisions)


def _arguments(ec2: Any) -> dict[str, dict[str, Any]]:
    """The table with a real image in it: a dry run with an unknown one tells about the image, not about the key."""
    try:
        images = ec2.describe_images(Owners=["amazon"], Filters=IMAGE_FILTERS)["Images"]
    except ClientError:
        images = []
    if not images:
        return {name: fixed for name, fixed in ARGUMENTS.items() if name != "RunInstances"}
    return {**ARGUMENTS, "RunInstances": {**ARGUMENTS["RunInstances"], "ImageId": images[0]["ImageId"]}}


def _has_dry_run(ec2: Any, name: str, arguments: dict[str, dict[str, Any]]) -> bool:
    """Whether the action has a ``DryRun`` parameter and we have every argument it requires."""
    model = ec2.meta.service_model
    if name not in model.operation_names:
        return False
    shape = model.operation_model(name).input_shape
    return shape is not None and "DryRun" in shape.members and {*shape.required_members} <= {*arguments.get(name, {})}


def _attempt(call: Callable[..., Any], arguments: dict[str, Any]) -> bool | None:
    try:
        call(**arguments)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "DryRunOperation":
            return True
        return False if code in DENIED else None
    except ParamValidationError:
        return None
    return True


def _sort(actions: Iterable[str], decisions: dict[str, bool | None]) -> Permissions:
    """Actions by what was decided about their names in lower case; undecided ones are unchecked."""
    found = {action: decisions.get(action.lower()) for action in actions}
    return Permissions(
        missing=[action for action, allowed in found.items() if allowed is False],
        unchecked=[action for action, allowed in found.items() if allowed is None],
    )


def _policy_source(principal: str) -> str | None:
    """The user or role whose policies count: the simulator does not take the ARN of an assumed role's session."""
    try:
        arn = ArnParser().parse_arn(principal)
    except InvalidArnException:
        return None
    session = re.fullmatch(r"assumed-role/([^/]+)/.+", arn["resource"])
    if session:
        return f"arn:{arn['partition']}:iam::{arn['account']}:role/{session[1]}"
    return principal if arn["service"] == "iam" and arn["resource"].startswith(("user/", "role/")) else None
