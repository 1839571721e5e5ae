"""The id of an account that is not connected yet: what the tenant's cloud is told to trust before we can sign in.

A draft is that id, signed together with the organization it was made for. Nobody can choose one, or take another's:
tokens and external ids are made of it (docs/decisions/0008). Nothing is stored for it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from uuid import UUID

from django.core import signing

from accounts.models import Organization

from .credentials import InputProblem, InvalidCredentials
from .models import CloudAccount

SALT = "clouds.drafts"
LASTS = timedelta(days=30)  # roles are often made by another team
AGAIN = "Ask for a new one, and paste its trust policy over the old one."


def new(organization: Organization) -> str:
    """A draft for a new account of ``organization``."""
    return signing.dumps([str(organization.pk), str(uuid.uuid4())], salt=SALT)


def account_id(organization: Organization, draft: str) -> UUID:
    """The id in ``draft``. Raises :class:`InvalidCredentials` for one that is old, another tenant's or used."""
    try:
        owner, account = signing.loads(draft, salt=SALT, max_age=LASTS)
    except signing.SignatureExpired:
        raise _refused("expired", f"This draft is older than {LASTS.days} days. {AGAIN}") from None
    except signing.BadSignature:
        raise _refused("invalid", f"This is not a draft of ours. {AGAIN}") from None
    if owner != str(organization.pk):
        raise _refused("invalid", f"This is not a draft of your organization's. {AGAIN}")
    found = UUID(account)
    if CloudAccount.objects.filter(pk=found).exists():
        raise used()
    return found


def is_good(organization: Organization, draft: str) -> bool:
    """Whether an account could still be connected with it."""
    try:
        account_id(organization, draft)
    except InvalidCredentials:
        return False
    return True


def used() -> InvalidCredentials:
    return _refused("used", f"An account was connected with this draft already. {AGAIN}")


def _refused(code: str, detail: str) -> InvalidCredentials:
    return InvalidCredentials([InputProblem("draft", code, detail)])
