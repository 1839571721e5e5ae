"""The costs page: figures, an area of days by group, a tree of clouds, accounts and resources, and the same as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.actors import actor_of
from accounts.guards import requires
from accounts.models import Right
from billing import anomalies, charts, costs, services
from billing.costs import Breakdown, CostsForm, Group, Grouping
from billing.models import ZERO, Account

IN_CSV = 500
NEXT = {Grouping.PROVIDER: "account", Grouping.ACCOUNT: "resource", Grouping.KIND: "resource", Grouping.TAG: "resource"}


@dataclass(frozen=True, slots=True)
class Row:
    """A group as the table beneath the chart shows it."""

    group: Group
    change: costs.Change
    share: Decimal  # percent of the total
    url: str
    tone: str  # names its colour in costs.css: "1" to "7", "rest"


@require_safe
@requires(Right.VIEW)
def costs_page(request: HttpRequest) -> HttpResponse:
    """What was spent in a period, narrowed and grouped by the query; HTMX refetches all below the heading."""
    account = services.account_of(actor_of(request).tenant)
    form = CostsForm(request.GET, account=account)
    context = {"form": form, "account": account, **_picture(account, form, request.GET)}
    htmx: Any = getattr(request, "htmx", False)
    is_part = htmx and not htmx.history_restore_request
    template = "billing/_costs.html" if is_part else "billing/costs.html"
    response = render(request, template, context, status=422 if form.errors else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@requires(Right.VIEW)
def costs_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Every amount of the page's chart, one row per day and group, with up to 500 groups of their own."""
    account = services.account_of(actor_of(request).tenant)
    form = CostsForm(request.GET, account=account)
    if not form.is_valid():
        return HttpResponse("The query is not valid.\n", content_type="text/plain; charset=utf-8", status=422)
    found = _broken_down(account, form, shown=IN_CSV)
    name = f"costs-{found.period.first}-{found.period.last}-by-{found.grouping}.csv"
    lines = csv.writer(_Echo()).writerow
    rows = (lines(row) for row in _csv_rows(found))
    response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _broken_down(account: Account, form: CostsForm, *, shown: int) -> Breakdown:
    return costs.break_down(account, form.chosen, form.grouping, part=form.part, tag_name=form.chosen_tag, shown=shown)


def _picture(account: Account, form: CostsForm, query: QueryDict) -> dict[str, Any]:
    found = _broken_down(account, form, shown=charts.COLOURS)
    rows = _rows(account, form, found, query)
    tree = costs.tree(account, form.chosen, part=form.part)
    return {
        "found": found,
        "rows": rows,
        "change": costs.change(account, form.part, form.chosen),
        "before": form.chosen.before(),
        "figures": costs.figures(account, form.part, today=form.today),
        "days": list(zip(found.period, found.by_day, _columns(found), strict=True)),
        "area": charts.area(found),
        "tree": tree,
        "treemap": charts.treemap(tree, account.currency),
        "groupings": Grouping.choices,
        "is_open": found.period.last == form.today,
        "unusual": anomalies.days_with(account, found.period),
    }


def _columns(found: Breakdown) -> Iterable[tuple[Decimal, ...]]:
    """By day, the amount of every group."""
    if not found.groups:
        return [()] * len(found.period)
    return zip(*(group.amounts for group in found.groups), strict=True)


def _rows(account: Account, form: CostsForm, found: Breakdown, query: QueryDict) -> list[Row]:
    before = costs.break_down(
        account, form.chosen.before(), form.grouping, part=form.part, tag_name=form.chosen_tag, shown=IN_CSV
    )
    known = {group.key: group.total for group in before.groups if not group.is_rest}
    own = sum((known.get(group.key, ZERO) for group in found.groups if not group.is_rest), ZERO)
    return [
        Row(
            group=group,
            change=costs.Change(group.total, before.total - own if group.is_rest else known.get(group.key, ZERO)),
            share=group.total / found.total * 100 if found.total else ZERO,
            url=_url(group, found, query),
            tone=charts.tone(group, number),
        )
        for number, group in enumerate(found.groups)
    ]


def _url(group: Group, found: Breakdown, query: QueryDict) -> str:
    """A resource's own page, or this page narrowed to the group and split one level deeper."""
    if group.is_rest or found.grouping == Grouping.DAY:
        return ""
    if found.grouping == Grouping.RESOURCE:
        return charts.resource_url(group.key)
    if not group.key:
        return ""
    deeper = query.copy()
    deeper["by"] = NEXT[found.grouping]
    deeper[found.grouping.value] = f"{found.tag_name}={group.key}" if found.grouping == Grouping.TAG else group.key
    return f"?{deeper.urlencode()}"


class _Echo:
    """A file that gives back what is written to it: csv wants one."""

    def write(self, line: str) -> str:
        return line


def _csv_rows(found: Breakdown) -> Iterator[list[str]]:
    yield ["day", found.grouping.value, "name", "amount", "currency"]
    for group in found.groups:
        for day, amount in zip(found.period, group.amounts, strict=True):
            yield [day.isoformat(), _plain(group.key), _plain(group.label), f"{amount:.6f}", found.currency]


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
