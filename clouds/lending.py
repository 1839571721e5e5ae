"""Opening an account for one piece of work: what is stored, and what is added to it for just this once.

Stored keys are decrypted; key-less accounts get a token that says what it is for, or the platform's own AWS user with
the external id that the tenant's role asks for. What comes out is in local variables only.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from . import issuer, sandbox
from .credentials import ASSUME_ROLE, OIDC
from .issuer import Purpose
from .models import CloudAccount
from .providers import Adapter, CloudError, CloudObject, RunnerEnvironment, get_adapter

CHECK = Purpose()
NO_USER = "This platform has no AWS user of its own any more, which could assume the role: ask your operator."


class CredentialsUnreadable(CloudError):
    """The stored credentials do not open with any of the platform's keys."""


@sensitive_variables("credentials")
def runner_environment(*, cloud_account_id: UUID, region: str, purpose: Purpose = CHECK) -> RunnerEnvironment:
    """Decrypt the account's keys, or sign a token, into what a run's Terraform needs. Keep it no longer than the run.

    Raises :class:`CloudError`, or ``CloudAccount.DoesNotExist``.
    """
    account = _account(cloud_account_id)
    return adapter_of(account).runner_environment(opened(account, purpose), region)


@sensitive_variables("credentials")
def tagged_objects(
    *, cloud_account_id: UUID, region: str, tags: dict[str, str], purpose: Purpose = CHECK
) -> list[CloudObject]:
    """Every existing object of the account in ``region`` that carries all of ``tags``.

    Raises :class:`CloudError` when the cloud did not let us look everywhere: an empty list means there is none.
    """
    account = _account(cloud_account_id)
    return adapter_of(account).tagged_objects(opened(account, purpose), region, tags)


def leftovers(*, cloud_account_id: UUID, region: str, cluster: str, purpose: Purpose = CHECK) -> list[CloudObject]:
    """What the Kubernetes cluster of this name made by itself, in the order in which it can be removed.

    Raises :class:`CloudError`.
    """
    account = _account(cloud_account_id)
    return adapter_of(account).leftovers(opened(account, purpose), region, cluster)


def remove_leftover(*, cloud_account_id: UUID, region: str, found: CloudObject, purpose: Purpose = CHECK) -> None:
    """Ask the cloud to delete what :func:`leftovers` named. Raises :class:`CloudError` when it does not go yet."""
    account = _account(cloud_account_id)
    adapter_of(account).remove(opened(account, purpose), region, found)


def switch_power(*, cloud_account_id: UUID, region: str, machine: str, is_on: bool, purpose: Purpose = CHECK) -> None:
    """Ask the cloud to start or stop a machine, by its id in Terraform's state. Raises :class:`CloudError`."""
    account = _account(cloud_account_id)
    adapter_of(account).switch_power(opened(account, purpose), region, machine, is_on=is_on)


def has_power(*, cloud_account_id: UUID, region: str, machine: str, purpose: Purpose = CHECK) -> bool | None:
    """Whether the machine runs; None while that changes. Raises :class:`CloudError`."""
    account = _account(cloud_account_id)
    return adapter_of(account).has_power(opened(account, purpose), region, machine)


def adapter_of(account: CloudAccount) -> Adapter:
    return get_adapter(account.provider, sandbox.endpoint_of(account.provider) if account.is_sandbox else "")


def opened(account: CloudAccount, purpose: Purpose) -> dict[str, str]:
    """The account's stored credentials, ready for its adapter. Raises :class:`CloudError`."""
    return usable(account, credentials_of(account.pk), purpose)


@sensitive_variables("credentials")
def usable(account: CloudAccount, credentials: Mapping[str, str], purpose: Purpose) -> dict[str, str]:
    """``credentials``, clean but perhaps not stored yet, with what their method adds for this one ``purpose``."""
    method = credentials.get("method")
    if method not in {OIDC, ASSUME_ROLE}:
        return dict(credentials)
    session = {
        **credentials,
        "session_name": f"skyvend-{purpose.run_id or purpose.resource_id or purpose.word}",
        "session_seconds": str(issuer.run_seconds()) if purpose.run_id else "900",
    }
    return session | (_platform_user(account) if method == ASSUME_ROLE else _token(account, credentials, purpose))


@sensitive_variables("credentials")
def credentials_of(account_id: UUID) -> dict[str, str]:
    """What is stored, decrypted. Raises :class:`CredentialsUnreadable`."""
    try:
        credentials: dict[str, str] = CloudAccount.objects.values_list("credentials", flat=True).get(pk=account_id)
    except InvalidToken:
        raise CredentialsUnreadable(
            "The stored keys of this cloud account cannot be opened: the platform's encryption key has changed. "
            "Enter the keys again, or ask your operator."
        ) from None
    return credentials


def _token(account: CloudAccount, credentials: Mapping[str, str], purpose: Purpose) -> dict[str, str]:
    provider = credentials.get("workload_identity_provider", "")
    try:
        token = issuer.mint(account, purpose, workload_identity_provider=provider)
    except InvalidToken:
        raise CredentialsUnreadable(
            "The platform's signing key cannot be opened: its encryption key has changed. Ask your operator."
        ) from None
    return {"web_identity_token": token}


def _platform_user(account: CloudAccount) -> dict[str, str]:
    """The platform's own AWS user. The external id is ours to say, never a tenant's: docs/decisions/0008."""
    keys = {
        "access_key_id": settings.PLATFORM_AWS_ACCESS_KEY_ID,
        "secret_access_key": settings.PLATFORM_AWS_SECRET_ACCESS_KEY,
    }
    if account.is_sandbox:
        keys = dict(sandbox.AWS_CREDENTIALS)
    if not keys["access_key_id"]:
        raise CloudError(NO_USER)
    external_id = issuer.subject_of_account(account.organization_id, account.pk)
    return {"external_id": external_id, **{f"platform_{name}": value for name, value in keys.items()}}


def _account(account_id: UUID) -> CloudAccount:
    return CloudAccount.objects.defer("credentials").get(pk=account_id)
