"""AWS through boto3: clients with a tenant's keys and nothing of our own machine, roles, one kind of error."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import botocore.exceptions
import botocore.session
from boto3.session import Session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.parsers import ResponseParserError

from .base import CloudError, CloudUnreachable, Credentials, CredentialsRefused, NotPermitted

FALLBACK_REGIONS = {  # for accounts without a default region, by partition
    "aws": "us-east-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-cn": "cn-north-1",
    "aws-eusc": "eusc-de-east-1",
}
CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 15  # seconds; GetCallerIdentity answers in well under one
ATTEMPTS = 2  # of each call, the first included
ALWAYS_ALLOWED = 3600  # seconds; no role's longest session can be set below, and chained roles get no more

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
ROLE_REFUSALS = {  # STS API reference, "AssumeRole" and "AssumeRoleWithWebIdentity", errors
    "AssumeRole": {
        "AccessDenied": "The role does not let the platform in, or is not there. Paste the trust policy shown here "
        "into it: it names the platform's user and this account's external id.",
        "RegionDisabledException": "AWS's security token service is switched off in this region of your account.",
    },
    "AssumeRoleWithWebIdentity": {
        "AccessDenied": "The role does not let this account's tokens in, or is not there. Paste the trust policy "
        "shown here into it: it names the identity provider, the audience and the subject.",
        "InvalidIdentityToken": "AWS does not accept the platform's token. Is the identity provider made in your AWS "
        "account, with exactly the address and the audience shown here?",
        "IDPCommunicationError": "AWS could not fetch the platform's public keys. Try again; if it stays, the "
        "platform cannot be reached from the internet: ask your operator.",
        "IDPRejectedClaim": "AWS does not accept the platform's token: a claim in it is not what your identity "
        "provider or role expects.",
        "ExpiredTokenException": "AWS says the platform's token has expired: the clock of this platform is wrong.",
        "RegionDisabledException": "AWS's security token service is switched off in this region of your account.",
    },
}
PLATFORM_REFUSED = "AWS does not accept the platform's own user, who should assume the role: ask your operator."
DENIALS = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess"})
NO_OPERATOR_FILES = {  # our own machine's profiles and configuration must never decide over a tenant's call
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
TALKATIVE = ("botocore.auth", "botocore.endpoint", "botocore.parsers")  # write whole calls, tokens and all, at DEBUG

for _name in TALKATIVE:  # a filter, since configuring logs again would reset a level
    logging.getLogger(_name).addFilter(lambda record: record.levelno >= logging.WARNING)


class Cloud:
    """One account, asked with one set of credentials: a role is assumed once, when it is first needed."""

    def __init__(self, credentials: Credentials, region: str, endpoint: str) -> None:
        self.given, self.endpoint = credentials, endpoint
        self.region = region or FALLBACK_REGIONS.get(_partition(credentials), "us-east-1")
        self._keys: Credentials | None = None

    @property
    def keys(self) -> Credentials:
        """access_key_id, secret_access_key and, for all that are temporary, session_token. Raises a CloudError."""
        if self._keys is None:
            self._keys = self._signed_in()
        return self._keys

    def client(self, service: str, *, attempts: int = ATTEMPTS) -> Any:
        return self._client(service, self.keys, attempts)

    def _signed_in(self) -> Credentials:
        method = self.given.get("method")
        if method == "oidc":
            return self._session(
                self._client("sts", None).assume_role_with_web_identity,
                WebIdentityToken=self.given["web_identity_token"],
            )
        if method == "assume_role":
            platform = {
                name.removeprefix("platform_"): value
                for name, value in self.given.items()
                if name.startswith("platform_")
            }
            return self._session(self._client("sts", platform).assume_role, ExternalId=self.given["external_id"])
        return self.given

    def _session(self, assume: Any, **arguments: Any) -> Credentials:
        """A session of the role, as long as asked for where the role allows that, else an hour."""
        arguments |= {"RoleArn": self.given["role_arn"], "RoleSessionName": self.given["session_name"]}
        seconds = min(int(self.given["session_seconds"]), 43_200)
        with in_words():
            try:
                answer = assume(**arguments, DurationSeconds=seconds)
            except botocore.exceptions.ClientError as error:
                if seconds <= ALWAYS_ALLOWED or _code(error) != "ValidationError":
                    raise
                answer = assume(**arguments, DurationSeconds=ALWAYS_ALLOWED)
        made = answer["Credentials"]
        return {
            "access_key_id": made["AccessKeyId"],
            "secret_access_key": made["SecretAccessKey"],
            "session_token": made["SessionToken"],
        }

    def _client(self, service: str, keys: Credentials | None, attempts: int = ATTEMPTS) -> Any:
        """A client that signs with ``keys``; None for calls that are not signed."""
        session = Session(botocore_session=botocore.session.Session(session_vars=NO_OPERATOR_FILES))
        signing = {"signature_version": UNSIGNED} if keys is None else {}
        keys = keys or {}
        return session.client(  # type: ignore[call-overload]  # the stubs want a literal service name
            service,
            region_name=self.region,
            aws_access_key_id=keys.get("access_key_id"),
            aws_secret_access_key=keys.get("secret_access_key"),
            aws_session_token=keys.get("session_token") or None,
            endpoint_url=self.endpoint or None,
            config=Config(  # type: ignore[call-arg]  # the stubs do not know ignore_configured_endpoint_urls
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
                retries={"total_max_attempts": attempts, "mode": "standard"},
                ignore_configured_endpoint_urls=True,  # AWS_ENDPOINT_URL of our own environment is not theirs
                proxies={} if self.endpoint else None,  # the simulated cloud is next door
                s3={"addressing_style": "path" if self.endpoint else "auto"},
                user_agent_extra="skyvend",
                **signing,
            ),
        )


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what boto3 raises into what people can act on. The original is dropped: it may quote the request."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        failure: CloudError = _explain(error)
    except (botocore.exceptions.BotoCoreError, ResponseParserError) as error:  # the latter: a proxy's own page
        failure = CloudUnreachable(f"AWS could not be reached ({type(error).__name__}). Try again in a minute.")
    else:
        return
    raise failure from None


def _explain(error: botocore.exceptions.ClientError) -> CloudError:
    code = _code(error)
    if error.operation_name in ROLE_REFUSALS:
        return _explain_role(error.operation_name, code)
    if code in REFUSALS:
        if "expired" in str(error) and code == "SignatureDoesNotMatch":
            return CloudUnreachable("AWS says our signature has expired: the clock of this platform is wrong.")
        return CredentialsRefused(REFUSALS[code])
    if code in DENIALS:
        return NotPermitted(f"AWS does not allow these keys to call {error.operation_name}.")
    return _answered(error.operation_name, code)


def _explain_role(operation: str, code: str) -> CloudError:
    if code in ROLE_REFUSALS[operation]:
        return CredentialsRefused(ROLE_REFUSALS[operation][code])
    if code in REFUSALS:  # of AssumeRole, which is signed by the platform's user
        return CloudUnreachable(PLATFORM_REFUSED)
    if code == "ValidationError":
        return CredentialsRefused("AWS does not take this role's ARN. Copy it from the role's page.")
    return _answered(operation, code)


def _answered(operation: str, code: str) -> CloudError:
    safe_code = re.sub(r"[^A-Za-z0-9._-]", "", code)[:60] or "no code"
    return CloudUnreachable(f"AWS answered {operation} with an error: {safe_code}.")


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _partition(credentials: Credentials) -> str:
    return credentials["role_arn"].split(":")[1] if "role_arn" in credentials else "aws"
