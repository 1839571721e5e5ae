"""Parts of an organization's cost: one scope, or several that must all hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from billing.models import ScopeKind

FIELDS = {ScopeKind.PROVIDER: "provider", ScopeKind.ACCOUNT: "cloud_account", ScopeKind.KIND: "kind"}


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of an organization's cost: everything, one cloud, cloud account or kind, or one tag ("team=data")."""

    kind: str = ScopeKind.ORGANIZATION
    value: str = ""

    def of(self, path: str = "resource__") -> Q:
        """The condition on rows that reach their billed resource by ``path``."""
        if self.kind == ScopeKind.ORGANIZATION:
            return Q()
        if self.kind == ScopeKind.TAG:
            name, _, value = self.value.partition("=")
            return Q(**{f"{path}tags__contains": {name: value}})
        return Q(**{f"{path}{FIELDS[ScopeKind(self.kind)]}": self.value})


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Several:
    """Where several scopes meet: the VMs of one cloud account. Nothing is forecast for such a part."""

    scopes: tuple[Scope, ...]
    kind: str = "several"
    value: str = ""

    def of(self, path: str = "resource__") -> Q:
        condition = Q()
        for scope in self.scopes:
            condition &= scope.of(path)
        return condition


Part = Scope | Several


def where_all_hold(scopes: Iterable[Scope]) -> Part:
    """The part of the cost that lies in every one of ``scopes``; everything if there are none."""
    found = tuple(scopes)
    if len(found) < 2:
        return found[0] if found else EVERYTHING
    return Several(found)
