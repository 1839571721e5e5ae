"""What the costs page can be narrowed to, and the form that does it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import forms
from django.db.models import Max, Min
from django.utils import timezone

from billing.models import Account, BilledResource, DailyCost, ScopeKind
from billing.words import KINDS, PROVIDERS

from .breakdown import Grouping, tag_names
from .periods import DAY, Period, last_days, month_of
from .scopes import Part, Scope, where_all_hold

MOST_MONTHS = 24
FILTERS = {"provider": ScopeKind.PROVIDER, "account": ScopeKind.ACCOUNT, "kind": ScopeKind.KIND, "tag": ScopeKind.TAG}
RANGES = [("month", "This month"), ("last-month", "Last month"), ("30", "Last 30 days"), ("90", "Last 90 days")]


class CostsForm(forms.Form):
    """The query of the costs page and of its CSV. Everything may be left out."""

    period = forms.ChoiceField(required=False)
    first = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))
    by = forms.ChoiceField(choices=Grouping.choices, required=False, label="Group by")
    tag_name = forms.ChoiceField(required=False, label="Tag")
    provider = forms.ChoiceField(choices=[("", "Every cloud"), *PROVIDERS.items()], required=False, label="Cloud")
    account = forms.ChoiceField(required=False, label="Cloud account")
    kind = forms.ChoiceField(choices=[("", "Every kind"), *KINDS.items()], required=False)
    tag = forms.ChoiceField(required=False, label="Tagged")

    def __init__(self, data: Any, *, account: Account, today: date | None = None) -> None:
        super().__init__(data)
        self.today = today or timezone.now().date()
        self.names = tag_names(account)
        months = [(f"{day:%Y-%m}", f"{day:%B %Y}") for day in _months(account, self.today)]
        self.fields["period"].choices = [*RANGES, *months, ("custom", "From … to …")]  # type: ignore[attr-defined]
        self.fields["tag_name"].choices = [(name, name) for name in self.names]  # type: ignore[attr-defined]
        self.fields["account"].choices = [("", "Every account"), *_accounts(account)]  # type: ignore[attr-defined]
        self.fields["tag"].choices = [("", "Every tag"), *_tags(account)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("period") == "custom" and not self.errors:
            try:
                Period(*self._custom(found)).before()  # which every page of it shows too
            except ValueError as error:
                self.add_error("first", str(error))
            except OverflowError:
                self.add_error("first", "This is before every calendar.")
            if found.get("last") == date.max:
                self.add_error("last", "This is beyond every calendar.")
        return found

    @property
    def grouping(self) -> Grouping:
        return Grouping(self._known().get("by") or Grouping.PROVIDER)

    @property
    def chosen_tag(self) -> str:
        return self._known().get("tag_name") or next(iter(self.names), "")

    @property
    def part(self) -> Part:
        known = self._known()
        return where_all_hold(Scope(kind, known[name]) for name, kind in FILTERS.items() if known.get(name))

    @property
    def is_narrowed(self) -> bool:
        known = self._known()
        return any(known.get(name) for name in FILTERS)

    @property
    def chosen(self) -> Period:
        """The period asked for; this month up to today unless another one is."""
        known = self._known()
        match known.get("period") or "month":
            case "month":
                return Period(self.today.replace(day=1), self.today)
            case "last-month":
                return month_of(self.today.replace(day=1) - DAY)
            case "custom":
                return Period(*self._custom(known))
            case "30" | "90" as count:
                return last_days(self.today - DAY, int(count))  # whole days: today would look like a drop
            case month:
                return month_of(datetime.strptime(f"{month}-01", "%Y-%m-%d").date())  # noqa: DTZ007  - a day, no time

    def _known(self) -> dict[str, Any]:
        """What is valid of the query; nothing, while something is not."""
        return self.cleaned_data if self.is_valid() else {}

    def _custom(self, found: dict[str, Any]) -> tuple[date, date]:
        last = found.get("last") or self.today
        return found.get("first") or last.replace(day=1), last


def _months(account: Account, today: date) -> Iterable[date]:
    """The first days of the months before this one in which something was used, newest first."""
    first = DailyCost.objects.filter(account=account).aggregate(first=Min("day"))["first"]
    month = today.replace(day=1)
    for _ in range(MOST_MONTHS):
        month = (month - DAY).replace(day=1)
        if first is None or month < first.replace(day=1):
            return
        yield month


def _accounts(account: Account) -> list[tuple[str, str]]:
    rows = BilledResource.objects.filter(account=account).exclude(cloud_account="").order_by()
    named = rows.values("cloud_account").annotate(name=Max("cloud_account_name"))
    return sorted(named.values_list("cloud_account", "name"), key=lambda row: row[1].lower())


def _tags(account: Account) -> list[tuple[str, str]]:
    rows = BilledResource.objects.filter(account=account).exclude(tags={}).order_by().distinct()
    found = {f"{name}={value}" for tags in rows.values_list("tags", flat=True) for name, value in tags.items()}
    return [(each, each) for each in sorted(found)]
