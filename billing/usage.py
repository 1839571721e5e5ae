"""Reading metered usage: one row per meter and hour, newest first, a page at a time or all of it as CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db.models import F, Func, Q, QuerySet, Sum, TextField, Value

from .copying import copied
from .models import Account, BilledResource, DailyCost, UsageRecord

SEPARATOR = re.compile(r"[\s,;]+")

# What a row has, in this order, and where it comes from.
COLUMNS: dict[str, Any] = {
    "id": F("pk"),
    "hour": F("hour"),
    "seconds": F("seconds"),
    "quantity": F("meter__quantity"),
    "unit": F("meter__unit"),
    "sku": F("meter__sku"),
    "label": F("meter__label"),
    "list_price": F("meter__list_price"),
    "unit_price": F("meter__unit_price"),
    "amount": F("amount"),
    "currency": F("meter__currency"),
    "catalogue": F("meter__catalogue"),
    "resource": Func(F("resource__reference"), Value(":"), Value(2), function="split_part", output_field=TextField()),
    "resource_name": F("resource__name"),
    "provider": F("resource__provider"),
    "kind": F("resource__kind"),
    "region": F("meter__region"),
    "cloud_account": F("resource__cloud_account"),
    "cloud_account_name": F("resource__cloud_account_name"),
    "tags": F("resource__tags"),
    "meter": F("meter_id"),
    "entry": F("entry_id"),
}
ISO_HOUR = Func(
    F("hour"),
    template="to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    output_field=TextField(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which usage: whatever is given must hold. ``tags`` is like "team=data, env" (a name alone: any value of it)."""

    resource: str = ""  # its id, or the whole reference
    provider: str = ""
    kind: str = ""
    cloud_account: str = ""
    tags: str = ""
    sku: str = ""  # the whole of it, or a beginning that ends with a colon
    first: date | None = None  # UTC days, both included
    last: date | None = None

    def of_resources(self) -> Q:
        """The condition on billed resources; empty when it is any."""
        named = {name: getattr(self, name) for name in ("provider", "kind", "cloud_account") if getattr(self, name)}
        condition = Q(**named)
        if self.resource:
            condition &= Q(reference=self.resource if ":" in self.resource else f"resource:{self.resource}")
        for part in filter(None, SEPARATOR.split(self.tags)):
            name, equals, value = part.partition("=")
            condition &= Q(tags__contains={name: value}) if equals else Q(tags__has_key=name)
        return condition

    def of_sku(self, field: str) -> Q:
        if not self.sku:
            return Q()
        return Q(**{f"{field}__startswith" if self.sku.endswith(":") else field: self.sku})

    def of_hours(self) -> Q:
        condition = Q()
        if self.first is not None:
            condition &= Q(hour__gte=datetime.combine(self.first, time.min, UTC))
        if self.last is not None:
            condition &= Q(hour__lt=datetime.combine(self.last, time.min, UTC) + timedelta(days=1))
        return condition

    def of_days(self) -> Q:
        condition = Q() if self.first is None else Q(day__gte=self.first)
        return condition if self.last is None else condition & Q(day__lte=self.last)


class UsageRows:
    """The account's usage as something that has a length and can be sliced, which is what paginators ask of a list.

    The length is not counted but added up from the daily sums, which are written with the usage; a slice takes the
    keys from the index first and reads whole rows for these alone. So it takes the same few queries, and about the
    same time, however much usage there is.
    """

    ordered = True

    def __init__(self, account: Account, wanted: Wanted) -> None:
        self.account = account
        self.wanted = wanted

    def __len__(self) -> int:
        return self.count()

    def count(self) -> int:
        """How many rows there are."""
        days = DailyCost.objects.filter(self.wanted.of_days(), self.wanted.of_sku("sku"), account=self.account)
        if self._resources is not None:
            days = days.filter(resource__in=self._resources)
        total: int | None = days.aggregate(total=Sum("records"))["total"]
        return total or 0

    def __getitem__(self, part: slice) -> list[dict[str, Any]]:
        keys = list(self._records().values_list("pk", flat=True)[part])
        rows = UsageRecord.objects.filter(pk__in=keys).order_by("-hour", "-id").values_list(*COLUMNS.values())
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    def as_csv(self) -> Iterator[bytes]:
        """All of them in UTF-8 with a header, in one statement and in memory that does not grow with them."""
        yield (",".join(COLUMNS) + "\n").encode()
        if self._resources == []:
            return
        columns = {**COLUMNS, "hour": ISO_HOUR}
        statement, values = self._records().values_list(*columns.values()).query.sql_with_params()
        yield from copied(f"COPY ({statement}) TO STDOUT WITH (FORMAT csv)", values)

    def _records(self) -> QuerySet[UsageRecord]:
        records = UsageRecord.objects.filter(self.wanted.of_hours(), self.wanted.of_sku("meter__sku"))
        records = records.filter(account=self.account).order_by("-hour", "-id")
        return records if self._resources is None else records.filter(resource__in=self._resources)

    @cached_property
    def _resources(self) -> list[Any] | None:
        """The keys of the resources wanted, None for all: known beforehand, the database can choose its index."""
        condition = self.wanted.of_resources()
        if not condition:
            return None
        return list(BilledResource.objects.filter(condition, account=self.account).values_list("pk", flat=True))
