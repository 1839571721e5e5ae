"""What a budget may be about. Cloud accounts are opaque ids to billing; who knows them is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.module_loading import import_string

from accounts.models import Organization
from billing.metering import Facts
from billing.models import Account, ScopeKind
from billing.words import KINDS, PROVIDERS

MAX_VALUE = 120


@dataclass(frozen=True, slots=True)
class ScopeValues:
    """The values an organization may choose from, each with the words that people know it by."""

    accounts: Mapping[str, str]  # {"<uuid>": "Main AWS"}
    providers: Mapping[str, str] = field(default_factory=lambda: PROVIDERS)
    kinds: Mapping[str, str] = field(default_factory=lambda: KINDS)

    def of(self, scope: str) -> Mapping[str, str]:
        """The values of this kind of scope; none for everything and for tags, which anybody may think of."""
        known = {ScopeKind.PROVIDER: self.providers, ScopeKind.ACCOUNT: self.accounts, ScopeKind.KIND: self.kinds}
        return known.get(ScopeKind(scope), {})


def known_values(organization: Organization) -> ScopeValues:
    """With the cloud accounts that ``settings.CLOUD_ACCOUNT_NAMES`` knows: the dotted path of a function."""
    return ScopeValues(accounts=import_string(settings.CLOUD_ACCOUNT_NAMES)(organization))


def clean_scope(organization: Organization, scope: object, value: object) -> tuple[str, str]:
    """``scope`` and ``value`` as they are kept. Raises ``ValidationError`` for the field that is wrong."""
    if not isinstance(scope, str) or scope not in ScopeKind.values:
        raise ValidationError({"scope": f"Choose from: {', '.join(ScopeKind.values)}."})
    if not isinstance(value, str) or not value.isprintable() or len(value) > MAX_VALUE:
        raise ValidationError({"value": f"Use at most {MAX_VALUE} printable characters."})
    value = value.strip()
    if scope == ScopeKind.ORGANIZATION:
        if value:
            raise ValidationError({"value": "A budget for everything has no value."})
        return scope, ""
    if scope == ScopeKind.TAG:
        return scope, _tag(value)
    return scope, _known(scope, value, known_values(organization).of(scope))


def _tag(value: str) -> str:
    name, equals, wanted = (part.strip() for part in value.partition("="))
    if not (name and equals and wanted):
        raise ValidationError({"value": "Give a tag as name=value, such as team=data."})
    return f"{name}={wanted}"


def _known(scope: str, value: str, known: Mapping[str, str]) -> str:
    if scope == ScopeKind.ACCOUNT:
        try:
            value = str(UUID(value))
        except ValueError:
            raise ValidationError({"value": "Give the id of one of your cloud accounts."}) from None
        if value not in known:
            raise ValidationError({"value": "There is no such cloud account."})
    elif value not in known:
        raise ValidationError({"value": f"Choose from: {', '.join(known)}."})
    return value


def covers(scope: str, value: str, facts: Facts) -> bool:
    """Whether what ``facts`` describe lies within a scope."""
    if scope == ScopeKind.TAG:
        name, _, wanted = value.partition("=")
        return facts.tags.get(name) == wanted
    seen = {
        ScopeKind.PROVIDER: facts.provider,
        ScopeKind.ACCOUNT: facts.cloud_account,
        ScopeKind.KIND: facts.kind,
        ScopeKind.ORGANIZATION: value,
    }
    return seen[ScopeKind(scope)] == value


def described(scope: str, value: str, known: ScopeValues) -> str:
    """The scope in a sentence: "everything", "AWS", "the cloud account “Main AWS”", "everything tagged team=data"."""
    if scope == ScopeKind.ORGANIZATION:
        return "everything"
    if scope == ScopeKind.TAG:
        return f"everything tagged {value}"
    name = known.of(scope).get(value)
    if scope == ScopeKind.ACCOUNT:
        return f"the cloud account “{name}”" if name else "a cloud account that was removed"
    return f"every {name.lower()}" if name and scope == ScopeKind.KIND else f"everything on {name or value}"


def tags_in_use(account: Account, limit: int = 100) -> list[str]:
    """The tags that resources of the account have or had, as scopes write them: "team=data"."""
    statement = (
        "SELECT DISTINCT tag.key || '=' || tag.value FROM billing_billedresource, jsonb_each_text(tags) AS tag "
        "WHERE account_id = %s ORDER BY 1 LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [account.pk, limit])
        return [row[0] for row in cursor.fetchall()]
