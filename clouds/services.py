"""Connecting, checking and disconnecting cloud accounts. Lending their keys to a run: ``lending``.

The cloud is asked before a transaction is opened, so no row is locked while a network answers. Credentials are in
local variables only, for as long as one call lasts; nothing here logs or audits them, and no error quotes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts import audit
from accounts.actors import Actor, system_actor
from accounts.models import Organization, Right

from . import drafts, sandbox
from .credentials import InputProblem, InvalidCredentials, clean_credentials, hint_of
from .issuer import Purpose
from .lending import (
    CredentialsUnreadable,
    adapter_of,
    credentials_of,
    has_power,
    leftovers,
    remove_leftover,
    runner_environment,
    switch_power,
    tagged_objects,
    usable,
)
from .models import CloudAccount, CloudAccountStatus, Provider
from .permissions import needed_actions
from .providers import (
    ADAPTERS,
    Adapter,
    CloudError,
    CloudObject,
    CloudUnreachable,
    CredentialsRefused,
    Identity,
    NotPermitted,
    Permissions,
    RunnerEnvironment,
    asking,
    get_adapter,
)

__all__ = [
    "AccountInUse",
    "CloudError",
    "CloudObject",
    "CloudUnreachable",
    "CredentialsRefused",
    "CredentialsUnreadable",
    "InputProblem",
    "InvalidCredentials",
    "NotPermitted",
    "Purpose",
    "RunnerEnvironment",
    "connect_account",
    "connect_sandbox_account",
    "delete_account",
    "has_power",
    "leftovers",
    "remove_leftover",
    "rename_account",
    "replace_credentials",
    "runner_environment",
    "switch_power",
    "tagged_objects",
    "verify_account",
]

IS_SIMULATED = "This is a simulated cloud: it takes the platform's made-up keys only, never real ones."


class AccountInUse(Exception):
    """Live resources need this account; ``names`` are theirs."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        super().__init__(f"Still in use by: {shown}. Destroy or forget these first." if names else "Still in use.")


@dataclass(frozen=True, slots=True)
class _Finding:
    """What asking the cloud about some credentials gave."""

    identity: Identity
    permissions: Permissions

    def fields(self) -> dict[str, Any]:
        limited = bool(self.permissions.missing)
        return {
            "status": CloudAccountStatus.LIMITED if limited else CloudAccountStatus.VERIFIED,
            "status_detail": "",
            "identity": self.identity.principal[:255],
            "missing_permissions": self.permissions.missing,
            "unchecked_permissions": self.permissions.unchecked,
            "checked_at": timezone.now(),
        }


@sensitive_variables("credentials", "clean")
def connect_account(
    *,
    actor: Actor,
    provider: str,
    name: str,
    credentials: Mapping[str, Any],
    default_region: str = "",
    draft: str = "",
) -> CloudAccount:
    """Check the credentials with the cloud and keep them, sealed.

    The made-up keys of the simulated cloud (see ``sandbox``) lead there, where the operator runs one. ``draft`` (see
    ``drafts``) is the account that a key-less method's trust policy was made for; without it the id is a new one.
    Raises :class:`InvalidCredentials` (with ``errors``: name, region, shape of a value), :class:`CredentialsRefused`
    (the cloud's no, in words) or :class:`CloudUnreachable`; nothing is stored then.
    """
    actor.require(Right.MANAGE)
    assert actor.organization is not None  # require() lets nobody pass without one
    if provider not in ADAPTERS:
        detail = f"This provider is not offered yet; there are: {', '.join(ADAPTERS)}."
        raise InvalidCredentials([InputProblem("provider", "unknown", detail)])
    clean = clean_credentials(provider, credentials)
    name = _clean_name(actor.organization, name)
    is_sandbox = sandbox.is_simulated(provider, clean)
    region = _clean_region(get_adapter(provider), default_region)
    identified = {"id": drafts.account_id(actor.organization, draft)} if draft else {}
    return _connect(
        actor, provider=provider, name=name, credentials=clean, default_region=region, is_sandbox=is_sandbox,
        **identified,
    )  # fmt: skip


def connect_sandbox_account(*, organization: Organization, provider: str = "aws", name: str) -> CloudAccount:
    """Connect the operator's simulated cloud (``SANDBOX_<PROVIDER>_ENDPOINT``); repeating it returns the first.

    For seeds. Raises :class:`CloudUnreachable` when it does not answer.
    """
    existing = CloudAccount.objects.filter(organization=organization, name=name, is_sandbox=True).first()
    if existing is not None:
        return existing
    return _connect(
        system_actor(organization),
        provider=provider,
        name=name,
        credentials=sandbox.credentials_of(provider),
        default_region=sandbox.REGIONS[Provider(provider)],
        is_sandbox=True,
    )


@sensitive_variables("credentials", "clean")
def replace_credentials(*, actor: Actor, account: CloudAccount, credentials: Mapping[str, Any]) -> CloudAccount:
    """Put new keys of the same cloud account in place of the old ones. Errors as :func:`connect_account`.

    Keys of another cloud account are refused: what was made with the old ones would be out of reach.
    """
    actor.require(Right.MANAGE)
    clean = clean_credentials(account.provider, credentials)
    if account.is_sandbox and not sandbox.is_simulated(account.provider, clean):
        raise CredentialsRefused(IS_SIMULATED)
    adapter = adapter_of(account)
    found = _ask(account, clean, account.default_region, needed_actions(account.provider))
    owner = adapter.owner_of(account.identity)
    if owner and owner != found.identity.owner:
        raise CredentialsRefused(
            f"These keys belong to account {found.identity.owner}, but {account} is account {owner}. "
            "Connect them as a cloud account of their own."
        )
    return _save(
        actor, "replace_credentials", account,
        credentials=clean, credential_hint=hint_of(account.provider, clean),
        credential_method=clean.get("method", ""), **found.fields(),
    )  # fmt: skip


@sensitive_variables("credentials")
def verify_account(*, actor: Actor, account: CloudAccount) -> CloudAccount:
    """Ask the cloud again who the keys are and what they lack; keeps the answer, a refusal included.

    Raises :class:`CloudUnreachable` when there is no answer; what was known then stays.
    """
    actor.require(Right.MANAGE)
    credentials = credentials_of(account.pk)
    actions = needed_actions(account.provider)
    try:
        fields = _ask(account, credentials, account.default_region, actions).fields()
    except (CredentialsRefused, NotPermitted) as refusal:
        fields = {
            "status": CloudAccountStatus.REFUSED,
            "status_detail": str(refusal)[:500],
            "missing_permissions": [],
            "unchecked_permissions": actions,
            "checked_at": timezone.now(),
        }
    return _save(actor, "verify", account, **fields)


def rename_account(
    *, actor: Actor, account: CloudAccount, name: str | None = None, default_region: str | None = None
) -> CloudAccount:
    """Change name or default region; None leaves one as it is. Raises :class:`InvalidCredentials`."""
    actor.require(Right.MANAGE)
    changes: dict[str, Any] = {}
    if name is not None and name != account.name:
        changes["name"] = _clean_name(account.organization, name)
    if default_region is not None and default_region != account.default_region:
        changes["default_region"] = _clean_region(adapter_of(account), default_region)
    return _save(actor, "rename", account, **changes) if changes else account


def delete_account(*, actor: Actor, account: CloudAccount) -> None:
    """Forget the account and its keys; nothing in the cloud changes. Raises :class:`AccountInUse`."""
    actor.require(Right.MANAGE)
    try:
        with transaction.atomic():
            locked = CloudAccount.objects.select_for_update().defer("credentials").get(pk=account.pk)
            audit.record(actor, "cloud_account.delete", locked, provider=locked.provider, hint=locked.credential_hint)
            locked.delete()
    except ProtectedError as error:
        raise AccountInUse(sorted(str(needing) for needing in error.protected_objects)) from None
    except IntegrityError:  # ordered with it in this very moment
        raise AccountInUse([]) from None


def _ask(account: CloudAccount, credentials: Mapping[str, str], region: str, actions: list[str]) -> _Finding:
    """Whom the cloud takes the credentials for and what they may do; heavy SDKs answer in a process of their own."""
    credentials = usable(account, credentials, Purpose())
    if asking.is_asked_outside(account.provider):
        endpoint = sandbox.endpoint_of(account.provider) if account.is_sandbox else ""
        return _Finding(*asking.ask(account.provider, endpoint, credentials, region, actions))
    adapter = adapter_of(account)
    identity = adapter.verify(credentials, region)
    try:
        permissions = adapter.probe(credentials, region, actions)
    except CloudError:  # the keys are good; what they may do could not be found out
        permissions = Permissions(missing=[], unchecked=actions)
    return _Finding(identity, permissions)


def _clean_name(organization: Organization, name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 80 or not name.isprintable():
        raise InvalidCredentials([InputProblem("name", "invalid", "A name has 1 to 80 visible characters.")])
    if CloudAccount.objects.filter(organization=organization, name=name).exists():
        raise _name_taken()
    return name


def _name_taken() -> InvalidCredentials:
    return InvalidCredentials([InputProblem("name", "taken", "Another cloud account has this name.")])


def _clean_region(adapter: Adapter, region: str) -> str:
    region = region.strip()
    if region and region not in adapter.regions():
        detail = f"There is no such region; there are: {', '.join(adapter.regions())}."
        raise InvalidCredentials([InputProblem("default_region", "unknown", detail)])
    return region


@sensitive_variables("credentials", "account")
def _connect(actor: Actor, *, provider: str, credentials: dict[str, str], **fields: Any) -> CloudAccount:
    """Ask the cloud about a new account and keep it; ``fields`` are the rest of its row."""
    account = CloudAccount(organization=actor.organization, provider=provider, credentials=credentials, **fields)
    found = _ask(account, credentials, account.default_region, needed_actions(provider))
    account.credential_hint = hint_of(provider, credentials)
    account.credential_method = credentials.get("method", "")
    for name, value in found.fields().items():
        setattr(account, name, value)
    return _create(actor, account)


def _create(actor: Actor, account: CloudAccount) -> CloudAccount:
    try:
        with transaction.atomic():
            account.save(force_insert=True)
            _record(actor, "connect", account)
    except IntegrityError:
        if CloudAccount.objects.filter(pk=account.pk).exists():
            raise drafts.used() from None
        raise _name_taken() from None
    return CloudAccount.objects.visible_to(actor).get(pk=account.pk)  # without the plain credentials


def _save(actor: Actor, verb: str, account: CloudAccount, **fields: Any) -> CloudAccount:
    try:
        with transaction.atomic():
            CloudAccount.objects.filter(pk=account.pk).update(**fields)
            saved = CloudAccount.objects.filter(pk=account.pk).defer("credentials").get()
            _record(actor, verb, saved)
    except IntegrityError:
        raise _name_taken() from None
    return saved


def _record(actor: Actor, verb: str, account: CloudAccount) -> None:
    audit.record(
        actor,
        f"cloud_account.{verb}",
        account,
        provider=account.provider,
        method=account.credential_method,
        hint=account.credential_hint,
        status=account.status,
        identity=account.identity,
    )
