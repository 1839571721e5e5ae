"""The cost of a period as a tree: cloud, cloud account, resource."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Max, Sum

from billing.models import ZERO, Account, DailyCost
from billing.words import PROVIDERS

from .periods import Period
from .scopes import EVERYTHING, Part

SHOWN = 100  # resources with a leaf of their own; the others of an account are one leaf


@dataclass(slots=True)
class Branch:
    """A cloud, a cloud account or a resource with what it cost; the costliest branches first."""

    key: str
    label: str
    total: Decimal = ZERO
    branches: list[Branch] = field(default_factory=list)

    @property
    def thing(self) -> str:
        """What the reference refers to: the id in "resource:<id>"."""
        return self.key.partition(":")[2]

    def add(self, key: str, label: str) -> Branch:
        """The branch with this key, made if need be."""
        found = next((each for each in self.branches if each.key == key), None)
        if found is None:
            found = Branch(key, label)
            self.branches.append(found)
        return found

    def sort(self) -> None:
        self.branches.sort(key=lambda each: (-each.total, each.label))
        for branch in self.branches:
            branch.sort()


def tree(account: Account, period: Period, *, part: Part = EVERYTHING, shown: int = SHOWN) -> Branch:
    """What ``part`` cost in ``period`` by cloud, account and resource; totals add up at every level. One query."""
    days = DailyCost.objects.filter(part.of(), account=account, day__gte=period.first, day__lte=period.last)
    keys = ("resource__provider", "resource__cloud_account", "resource__reference")
    rows = (
        days.order_by()
        .values(*keys)
        .annotate(total=Sum("amount"), account_name=Max("resource__cloud_account_name"), name=Max("resource__name"))
    )
    root = Branch("", "Everything")
    for number, row in enumerate(rows.exclude(total=0).order_by("-total", "resource__reference")):
        _grow(root, row, has_own_leaf=number < shown)
    root.sort()
    return root


def _grow(root: Branch, row: dict[str, Any], *, has_own_leaf: bool) -> None:
    provider = row["resource__provider"]
    cloud = root.add(provider, PROVIDERS.get(provider, provider))
    account = cloud.add(row["resource__cloud_account"], row["account_name"] or "No cloud account")
    key = row["resource__reference"] if has_own_leaf else ""
    leaf = account.add(key, row["name"] if has_own_leaf else "Smaller ones")
    for branch in (root, cloud, account, leaf):
        branch.total += row["total"]
