"""AWS through boto3: who the keys are, what they may do, what Terraform needs, which objects carry our tags."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import botocore.exceptions
import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.parsers import ResponseParserError

from . import aws_leftovers, aws_objects, aws_permissions
from .base import (
    CloudObject,
    CloudUnreachable,
    Credentials,
    CredentialsRefused,
    Identity,
    NotPermitted,
    Permissions,
    RunnerEnvironment,
)

FALLBACK_REGION = "us-east-1"  # for accounts without a default region
PARTITIONS = ("aws", "aws-us-gov", "aws-cn", "aws-eusc")  # those a customer can have keys to
OVERRIDE_FILE = "sandbox_override.tf.json"
CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 15  # seconds; GetCallerIdentity answers in well under one
ATTEMPTS = 2  # of each call, the first included

REFUSALS = {
    "InvalidClientTokenId": "AWS does not know this access key ID, or the key is inactive.",
    "InvalidAccessKeyId": "AWS does not know this access key ID, or the key is inactive.",
    "UnrecognizedClientException": "AWS does not know this access key ID, or the key is inactive.",
    "AuthFailure": "AWS does not accept these keys in this region; is the region enabled for your account?",
    "SignatureDoesNotMatch": "The secret access key does not belong to this access key ID.",
    "IncompleteSignature": "The secret access key does not belong to this access key ID.",
    "ExpiredToken": "The session token has expired: make new temporary keys, or use keys of an IAM user.",
    "ExpiredTokenException": "The session token has expired: make new temporary keys, or use keys of an IAM user.",
    "InvalidToken": "The session token does not belong to these keys.",
    "OptInRequired": "This AWS account is not activated yet, or has been closed.",
}
DENIALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess"})
NO_OPERATOR_FILES = {  # our own machine's profiles and configuration must never decide over a tenant's call
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class AwsAdapter:
    """See :class:`clouds.providers.base.Adapter`. ``endpoint`` is set for the simulated cloud only."""

    def __init__(self, endpoint: str = "") -> None:
        self.endpoint = endpoint

    def verify(self, credentials: Credentials, region: str) -> Identity:
        with _in_words():
            answer = self._client("sts", credentials, region).get_caller_identity()
        return Identity(principal=answer["Arn"], owner=answer["Account"])

    def probe(self, credentials: Credentials, region: str, actions: Sequence[str]) -> Permissions:
        if self.endpoint:  # it lets everything pass: an answer would be invented
            return Permissions(missing=[], unchecked=sorted(set(actions)))
        identity = self.verify(credentials, region)
        with _in_words():
            return aws_permissions.probe(
                lambda service: self._client(service, credentials, region), identity.principal, actions
            )

    def platform_permissions(self) -> list[str]:
        return aws_objects.PERMISSIONS

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
        variables = {
            "AWS_ACCESS_KEY_ID": credentials["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": credentials["secret_access_key"],
            "AWS_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",  # never the keys of the machine the worker runs on
        }
        if credentials.get("session_token"):
            variables["AWS_SESSION_TOKEN"] = credentials["session_token"]
        if not self.endpoint:
            return RunnerEnvironment(variables=variables, files={})
        variables["AWS_ENDPOINT_URL"] = self.endpoint
        return RunnerEnvironment(variables=variables, files={OVERRIDE_FILE: _sandbox_override()})

    def tagged_objects(self, credentials: Credentials, region: str, tags: Mapping[str, str]) -> list[CloudObject]:
        identity = self.verify(credentials, region)
        with _in_words():
            return aws_objects.find(lambda service: self._client(service, credentials, region), identity, region, tags)

    def leftovers(self, credentials: Credentials, region: str, cluster: str) -> list[CloudObject]:
        with _in_words():
            return aws_leftovers.find(lambda service: self._client(service, credentials, region), cluster)

    def remove(self, credentials: Credentials, region: str, found: CloudObject) -> None:
        with _in_words():
            aws_leftovers.remove(lambda service: self._client(service, credentials, region), found)

    def _client(self, service: str, credentials: Credentials, region: str) -> Any:
        session = Session(botocore_session=botocore.session.Session(session_vars=NO_OPERATOR_FILES))
        return session.client(  # type: ignore[call-overload]  # the stubs want a literal service name
            service,
            region_name=region or FALLBACK_REGION,
            aws_access_key_id=credentials["access_key_id"],
            aws_secret_access_key=credentials["secret_access_key"],
            aws_session_token=credentials.get("session_token") or None,
            endpoint_url=self.endpoint or None,
            config=Config(  # type: ignore[call-arg]  # the stubs do not know ignore_configured_endpoint_urls
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                ignore_configured_endpoint_urls=True,  # AWS_ENDPOINT_URL of our own environment is not theirs
                proxies={} if self.endpoint else None,  # the simulated cloud is next door
                s3={"addressing_style": "path" if self.endpoint else "auto"},
                user_agent_extra="skyvend",
            ),
        )

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


def _sandbox_override() -> str:
    """Provider arguments that a simulated AWS needs; Terraform lays them over the module's own provider block."""
    flags = {
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": True,
        "s3_use_path_style": True,
    }
    return json.dumps({"provider": {"aws": flags}})


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn what boto3 raises into what people can act on. The original is dropped: it may quote the request."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        failure: Exception = _explain(error)
    except (botocore.exceptions.BotoCoreError, ResponseParserError) as error:  # the latter: a proxy's own page
        failure = CloudUnreachable(f"AWS could not be reached ({type(error).__name__}). Try again in a minute.")
    else:
        return
    raise failure from None


def _explain(error: botocore.exceptions.ClientError) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in REFUSALS:
        if "expired" in str(error) and code == "SignatureDoesNotMatch":
            return CloudUnreachable("AWS says our signature has expired: the clock of this platform is wrong.")
        return CredentialsRefused(REFUSALS[code])
    if code in DENIALS:
        return NotPermitted(f"AWS does not allow these keys to call {error.operation_name}.")
    safe_code = re.sub(r"[^A-Za-z0-9._-]", "", code)[:60] or "no code"
    return CloudUnreachable(f"AWS answered {error.operation_name} with an error: {safe_code}.")
