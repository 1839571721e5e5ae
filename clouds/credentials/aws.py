"""AWS: keys of a user, a role that the platform's own user assumes, or a role that trusts the platform's tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.conf import settings

from .base import ASSUME_ROLE, OIDC, CredentialField, CredentialMethod, InputProblem, Values, invalid, shortened

KEY_ID = re.compile(r"[A-Z0-9]{16,128}")
SECRET_KEY = re.compile(r"[A-Za-z0-9/+=]{40}")
SESSION_TOKEN = re.compile(r"[A-Za-z0-9/+=_-]{16,8192}")
ROLE_ARN = re.compile(r"arn:aws(-us-gov|-cn|-eusc)?:iam::\d{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
OTHER_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::(\d{12})?:([a-z-]+)/.*")
PERMANENT, TEMPORARY = "AKIA", "ASIA"  # IAM user guide, "Unique identifiers"
NOT_KEYS = {"AIDA": "a user", "AROA": "a role", "AGPA": "a group", "ANPA": "a policy", "AIPA": "an instance profile"}
NOT_ROLES = {
    "user": "a user",
    "policy": "a policy",
    "oidc-provider": "the identity provider",
    "assumed-role": "a session of a role",
    "instance-profile": "an instance profile",
}
OTHER_NAMES = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
    "access_key": "access_key_id",
    "secret_key": "secret_access_key",
}


def _check_keys(values: Values) -> list[InputProblem]:
    key_id, secret, token = values["access_key_id"], values["secret_access_key"], values["session_token"]
    if SECRET_KEY.fullmatch(key_id) and KEY_ID.fullmatch(secret) and secret.startswith((PERMANENT, TEMPORARY)):
        detail = "This looks like the secret access key, and the other field like the ID: the two are swapped."
        return [invalid("access_key_id", detail, "swapped")]
    problems = {
        "access_key_id": _key_id_problem(key_id),
        "secret_access_key": _secret_problem(secret),
        "session_token": _token_problem(key_id, token),
    }
    return [invalid(name, detail) for name, detail in problems.items() if detail]


def _key_id_problem(key_id: str) -> str:
    if key_id[:4] in NOT_KEYS:
        return f"This is the ID of {NOT_KEYS[key_id[:4]]}, not of an access key, which starts with AKIA or ASIA."
    if "=" in key_id or "\n" in key_id:
        return "Paste only the value, without its name and without other lines."
    if not key_id.startswith((PERMANENT, TEMPORARY)):
        return "An access key ID starts with AKIA, or with ASIA for temporary keys."
    return "" if KEY_ID.fullmatch(key_id) else "An access key ID has 16 to 128 capital letters and digits."


def _secret_problem(secret: str) -> str:
    if secret.startswith((PERMANENT, TEMPORARY)) and KEY_ID.fullmatch(secret):
        return "This is an access key ID; the secret access key has 40 characters."
    if len(secret) != 40:
        return f"A secret access key has exactly 40 characters, this has {len(secret)}."
    return "" if SECRET_KEY.fullmatch(secret) else "A secret access key has only letters, digits, / and +."


def _token_problem(key_id: str, token: str) -> str:
    if key_id.startswith(TEMPORARY) and not token:
        return "Temporary keys (ASIA…) work only together with their session token."
    if key_id.startswith(PERMANENT) and token:
        return "Permanent keys (AKIA…) have no session token: leave this empty."
    return "" if not token or SESSION_TOKEN.fullmatch(token) else "This is not a session token."


def _check_role(values: Values) -> list[InputProblem]:
    arn = values["role_arn"]
    if ROLE_ARN.fullmatch(arn):
        return []
    other = OTHER_ARN.fullmatch(arn)
    if other and other[3] in NOT_ROLES:
        return [invalid("role_arn", f"This is the ARN of {NOT_ROLES[other[3]]}; a role's has “:role/” in it.")]
    return [invalid("role_arn", "A role's ARN looks like arn:aws:iam::123456789012:role/skyvend.")]


def _role_hint(values: Mapping[str, str]) -> str:
    """Nothing of it is secret: the account and the role's name."""
    _, _, _, _, account, role = values["role_arn"].split(":", 5)
    return f"{account} {role.rpartition('/')[2]}"[:80]


def _has_platform_user() -> bool:
    """The operator gave the platform a user of its own, or there is a simulated AWS, which takes any."""
    has_user = settings.PLATFORM_AWS_ACCESS_KEY_ID and settings.PLATFORM_AWS_PRINCIPAL
    return bool(has_user or settings.SANDBOX_AWS_ENDPOINT)


def _check_foreign_role(values: Values) -> list[InputProblem]:
    """Never a role of the operator's: it may trust all of its own account, the platform's user included."""
    home = settings.PLATFORM_AWS_PRINCIPAL.split(":")[4:5]
    if home and values["role_arn"].split(":")[4:5] == home:
        return [invalid("role_arn", "This role is in the platform's own AWS account. It must be in yours.")]
    return _check_role(values)


ROLE = CredentialField("role_arn", "Role ARN", False, help="arn:aws:iam::123456789012:role/skyvend")
KEYS = CredentialMethod(
    "keys",
    "Access key",
    (
        CredentialField(
            "access_key_id",
            "Access key ID",
            False,
            help="20 characters, starts with AKIA (or ASIA for temporary keys).",
        ),
        CredentialField("secret_access_key", "Secret access key", True, help="40 characters; AWS shows it only once."),
        CredentialField(
            "session_token", "Session token", True, False, "Only for temporary keys, whose ID starts with ASIA."
        ),
    ),
    _check_keys,
    shortened("access_key_id"),
    OTHER_NAMES,
)
ASSUMED = CredentialMethod(
    ASSUME_ROLE,
    "Role to assume",
    (ROLE,),
    _check_foreign_role,
    _role_hint,
    is_keyless=True,
    is_offered=_has_platform_user,
    not_offered="This platform has no AWS user of its own that could assume roles. Use “oidc” or “keys”, or ask the "
    "operator to set PLATFORM_AWS_ACCESS_KEY_ID and PLATFORM_AWS_PRINCIPAL.",
)
FEDERATED = CredentialMethod(OIDC, "Key-less (OIDC)", (ROLE,), _check_role, _role_hint, is_keyless=True)
METHODS = (KEYS, ASSUMED, FEDERATED)
