"""AWS: who the keys are, what they may do, what Terraform needs, which objects carry our tags."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property

import botocore.session

from . import aws_leftovers, aws_metrics, aws_objects, aws_permissions, aws_power
from .aws_sdk import NO_OPERATOR_FILES, Cloud, in_words
from .base import CloudObject, Credentials, Identity, Permissions, RunnerEnvironment
from .metrics import Metric, Utilisation

PARTITIONS = ("aws", "aws-us-gov", "aws-cn", "aws-eusc")  # those a customer can have keys to
OVERRIDE_FILE = "sandbox_override.tf.json"
TOKEN_FILE = "skyvend-identity.jwt"  # noqa: S105 - a file's name


class AwsAdapter:
    """See :class:`clouds.providers.base.Adapter`. ``endpoint`` is set for the simulated cloud only."""

    def __init__(self, endpoint: str = "") -> None:
        self.endpoint = endpoint

    def verify(self, credentials: Credentials, region: str) -> Identity:
        return _identity(self._cloud(credentials, region))

    def probe(self, credentials: Credentials, region: str, actions: Sequence[str]) -> Permissions:
        if self.endpoint:  # it lets everything pass: an answer would be invented
            return Permissions(missing=[], unchecked=sorted(set(actions)))
        cloud = self._cloud(credentials, region)
        identity = _identity(cloud)
        with in_words():
            return aws_permissions.probe(cloud.client, identity.principal, actions)

    def platform_permissions(self) -> list[str]:
        return aws_objects.PERMISSIONS

    def metrics_permissions(self) -> list[str]:
        return aws_metrics.PERMISSIONS

    def presupposed(self, actions: Sequence[str]) -> list[str]:
        return []

    def policy(self, actions: Sequence[str]) -> str:
        granted = sorted({*actions, aws_permissions.SIMULATE})
        statement = {"Sid": "Skyvend", "Effect": "Allow", "Action": granted, "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)

    def regions(self) -> list[str]:
        return sorted(self._partition_of_region)

    def owner_of(self, principal: str) -> str:
        parts = principal.split(":")
        return parts[4] if len(parts) > 5 else ""

    def runner_environment(self, credentials: Credentials, region: str) -> RunnerEnvironment:
        """Keys, or a token with which the provider signs in by itself, again when its session ends.

        Of a role that the platform's user assumes a run gets the session only, never that user's keys.
        """
        variables = {
            "AWS_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",  # never the keys of the machine the worker runs on
        }
        secret_files = {}
        if credentials.get("method") == "oidc":
            secret_files[TOKEN_FILE] = credentials["web_identity_token"]
            variables |= {
                "AWS_ROLE_ARN": credentials["role_arn"],
                "AWS_ROLE_SESSION_NAME": credentials["session_name"],
                "AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN_FILE,
            }
        else:
            variables |= _as_variables(self._cloud(credentials, region).keys)
        if not self.endpoint:
            return RunnerEnvironment(variables=variables, files={}, secret_files=secret_files)
        variables["AWS_ENDPOINT_URL"] = self.endpoint
        if secret_files:  # the provider trades the token before it reads the address of everything else
            variables["AWS_ENDPOINT_URL_STS"] = self.endpoint
        return RunnerEnvironment(
            variables=variables, files={OVERRIDE_FILE: _sandbox_override()}, secret_files=secret_files
        )

    def tagged_objects(self, credentials: Credentials, region: str, tags: Mapping[str, str]) -> list[CloudObject]:
        cloud = self._cloud(credentials, region)
        identity = _identity(cloud)
        with in_words():
            return aws_objects.find(cloud.client, identity, region, tags)

    def leftovers(self, credentials: Credentials, region: str, cluster: str) -> list[CloudObject]:
        with in_words():
            return aws_leftovers.find(self._cloud(credentials, region).client, cluster)

    def remove(self, credentials: Credentials, region: str, found: CloudObject) -> None:
        with in_words():
            aws_leftovers.remove(self._cloud(credentials, region).client, found)

    def switch_power(self, credentials: Credentials, region: str, machine: str, *, is_on: bool) -> None:
        with in_words():
            aws_power.switch(self._cloud(credentials, region).client, machine, is_on=is_on)

    def has_power(self, credentials: Credentials, region: str, machine: str) -> bool | None:
        with in_words():
            return aws_power.is_on(self._cloud(credentials, region).client, machine)

    def utilisation(
        self, credentials: Credentials, region: str, machines: Sequence[str], first: datetime, last: datetime
    ) -> Mapping[str, Mapping[Metric, Utilisation]]:
        with in_words():
            return aws_metrics.read(self._cloud(credentials, region), machines, first, last)

    def _cloud(self, credentials: Credentials, region: str) -> Cloud:
        return Cloud(credentials, region, self.endpoint)

    @cached_property
    def _partition_of_region(self) -> dict[str, str]:
        session = botocore.session.Session(session_vars=NO_OPERATOR_FILES)
        return {
            region: partition
            for partition in PARTITIONS
            for region in session.get_available_regions("ec2", partition_name=partition)
        }


def adapter(endpoint: str) -> AwsAdapter:
    return AwsAdapter(endpoint)


def _identity(cloud: Cloud) -> Identity:
    with in_words():
        answer = cloud.client("sts").get_caller_identity()
    return Identity(principal=answer["Arn"], owner=answer["Account"])


def _as_variables(keys: Credentials) -> dict[str, str]:
    variables = {
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
    }
    if keys.get("session_token"):
        variables["AWS_SESSION_TOKEN"] = keys["session_token"]
    return variables


def _sandbox_override() -> str:
    """Provider arguments that a simulated AWS needs; Terraform lays them over the module's own provider block."""
    flags = {
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": True,
        "s3_use_path_style": True,
    }
    return json.dumps({"provider": {"aws": flags}})
