"""The cost of a period, day by day and group by group, with every day of every group: charts need not guess."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F, Func, Max, QuerySet, Sum, TextChoices, TextField, Value
from django.db.models.functions import Coalesce

from billing.models import ZERO, Account, BilledResource, DailyCost
from billing.words import KINDS, PROVIDERS

from .periods import Period
from .scopes import EVERYTHING, Part

SHOWN = 50  # groups of their own; what is left is one more group


class Grouping(TextChoices):
    PROVIDER = "provider", "Cloud"
    ACCOUNT = "account", "Cloud account"
    KIND = "kind", "Kind"
    RESOURCE = "resource", "Resource"
    DAY = "day", "Day"
    TAG = "tag", "Tag"


class TagValue(Func):
    """Of the tag named by the second argument; Django's own lookup would take a name of digits for a position."""

    function = "JSONB_EXTRACT_PATH_TEXT"
    output_field = TextField()


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a chart. ``amounts`` has one amount per day of the period, in order."""

    key: str  # "aws", a cloud account's id, "resource:<uuid>", a tag's value
    label: str
    amounts: tuple[Decimal, ...]
    is_rest: bool = False  # everything that has no group of its own

    @property
    def total(self) -> Decimal:
        return sum(self.amounts, ZERO)

    @property
    def thing(self) -> str:
        """What the reference of a resource refers to: the id in "resource:<id>"."""
        return self.key.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What a period cost, largest group first. The groups add up to what was spent, to the last digit."""

    period: Period
    grouping: Grouping
    currency: str
    groups: tuple[Group, ...]
    tag_name: str = ""  # whose values the groups are, when grouped by tag

    @property
    def total(self) -> Decimal:
        return sum((group.total for group in self.groups), ZERO)

    @property
    def by_day(self) -> tuple[Decimal, ...]:
        """What all groups cost together on each day."""
        columns = zip(*(group.amounts for group in self.groups), strict=True)
        return tuple(sum(column, ZERO) for column in columns) or (ZERO,) * len(self.period)


def break_down(
    account: Account,
    period: Period,
    grouping: Grouping,
    *,
    part: Part = EVERYTHING,
    tag_name: str = "",
    shown: int = SHOWN,
) -> Breakdown:
    """Daily sums of ``part`` grouped by ``grouping``; the ``shown`` costliest groups, and the rest as one.

    ``tag_name`` is the tag whose values are the groups; without it, the tag that most resources have. A resource
    without that tag is in the group with the empty key. Two queries, or three when there is a rest.
    """
    tag_name = (tag_name or next(iter(tag_names(account)), "")) if grouping == Grouping.TAG else ""
    days = DailyCost.objects.filter(part.of(), account=account, day__gte=period.first, day__lte=period.last)
    keyed = days.annotate(key=_key(grouping, tag_name)).order_by()
    totals = keyed.values("key").annotate(total=Sum("amount"), name=_name(grouping)).order_by("-total", "key")
    found = [("", "")] if grouping == Grouping.DAY else list(totals.values_list("key", "name"))
    own = found[:shown]
    amounts = _amounts(keyed, [key for key, _ in own], period)
    groups = [Group(key, _label(grouping, key, name), amounts[key]) for key, name in own]
    if left := len(found) - len(own):
        groups.append(_rest(days, groups, left, period))
    return Breakdown(period, grouping, account.currency, tuple(groups), tag_name)


def tag_names(account: Account) -> list[str]:
    """The names of tags that what costs here has had, the most common first."""
    counts: dict[str, int] = {}
    rows = BilledResource.objects.filter(account=account).exclude(tags={})
    for tags in rows.values_list("tags", flat=True).iterator():
        for name in tags:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def _key(grouping: Grouping, tag_name: str) -> Any:
    if grouping == Grouping.DAY:
        return Value("")
    if grouping == Grouping.TAG:
        return Coalesce(TagValue(F("resource__tags"), Value(tag_name)), Value(""), output_field=TextField())
    fields = {Grouping.ACCOUNT: "cloud_account", Grouping.RESOURCE: "reference"}
    return F(f"resource__{fields.get(grouping, grouping.value)}")


def _name(grouping: Grouping) -> Any:
    fields = {Grouping.ACCOUNT: "cloud_account_name", Grouping.RESOURCE: "name"}
    return Max(f"resource__{fields[grouping]}") if grouping in fields else Value("")


def _label(grouping: Grouping, key: str, name: str) -> str:
    match grouping:
        case Grouping.PROVIDER:
            return PROVIDERS.get(key, key)
        case Grouping.KIND:
            return KINDS.get(key, key)
        case Grouping.DAY:
            return "Every day"
        case Grouping.TAG:
            return key or "Without this tag"
    return name or key or "No cloud account"


def _amounts(keyed: QuerySet[Any], keys: list[str], period: Period) -> dict[str, tuple[Decimal, ...]]:
    """By key, the amount of every day of the period."""
    rows = keyed.filter(key__in=keys).values_list("key", "day").annotate(total=Sum("amount"))
    found: dict[str, dict[date, Decimal]] = {key: {} for key in keys}
    for key, day, total in rows:
        found[key][day] = total
    return {key: tuple(of_key.get(day, ZERO) for day in period) for key, of_key in found.items()}


def _rest(days: QuerySet[DailyCost], groups: list[Group], count: int, period: Period) -> Group:
    everything = dict(days.order_by().values_list("day").annotate(total=Sum("amount")))
    shown = [sum(column, ZERO) for column in zip(*(group.amounts for group in groups), strict=True)]
    amounts = tuple(everything.get(day, ZERO) - shown[number] for number, day in enumerate(period))
    return Group("", f"{count} more", amounts, is_rest=True)
