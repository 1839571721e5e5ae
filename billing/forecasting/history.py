"""The past of every scope of an account, in three statements, however many resources and scopes it has."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection

from billing.costs import Period, Scope
from billing.costs.by_scope import LONGEST_VALUE, SCOPED, daily_by_scope
from billing.models import Account
from billing.money import HOURS_PER_MONTH

from .methods import HOURS_STAYED, HOURS_TRIED, Days, Past, standing

DAYS_READ = 182  # half a year: 26 weeks
TAGS_AT_MOST = 100  # "team=data" and the like, by cost; more would be somebody's serial numbers
DAY = timedelta(days=1)

# A meter counts at the end of each day at which it runs; young is what runs of a resource that did not a day before.
RATES = f"""{SCOPED}, midnight AS (
    SELECT day::timestamptz AS at
    FROM generate_series(%(first_end)s::timestamptz, %(last_end)s::timestamptz, interval '1 day') day
), running AS (
    SELECT meter.resource_id, midnight.at,
        sum(meter.quantity * meter.unit_price * 24 / CASE meter.unit WHEN 'hour' THEN 1 ELSE %(month)s END) AS rate
    FROM billing_meter meter JOIN midnight
        ON meter.starts_at <= midnight.at AND (meter.ends_at IS NULL OR meter.ends_at > midnight.at)
    WHERE meter.account_id = %(account)s
    GROUP BY meter.resource_id, midnight.at
), aged AS (
    SELECT running.*, at > %(first_end)s AND lag(at) OVER (PARTITION BY resource_id ORDER BY at)
        IS DISTINCT FROM at - interval '1 day' AS is_young
    FROM running
)
SELECT scoped.kind, scoped.value, (aged.at AT TIME ZONE 'UTC')::date - 1, sum(aged.rate),
    coalesce(sum(aged.rate) FILTER (WHERE aged.is_young), 0)
FROM aged JOIN scoped ON scoped.id = aged.resource_id
GROUP BY scoped.kind, scoped.value, aged.at
"""  # noqa: S608  - the parts are constants

# How many resources ran for some hours, and how many of them for a day more. Who is too young to tell does not count.
LIVES = f"""{SCOPED}, life AS (
    SELECT resource_id, bool_or(ends_at IS NULL OR ends_at > %(last_end)s) AS is_alive,
        least(max(coalesce(ends_at, %(last_end)s)), %(last_end)s) - min(starts_at) AS age
    FROM billing_meter WHERE account_id = %(account)s AND starts_at < %(last_end)s
        AND (ends_at IS NULL OR ends_at > %(first_end)s)
    GROUP BY resource_id
)
SELECT scoped.kind, scoped.value, count(*) FILTER (WHERE NOT life.is_alive OR life.age >= %(stayed)s),
    count(*) FILTER (WHERE life.age >= %(stayed)s)
FROM life JOIN scoped ON scoped.id = life.resource_id
WHERE life.age >= %(tried)s
GROUP BY scoped.kind, scoped.value
"""  # noqa: S608  - the parts are constants


def pasts(account: Account, today: date) -> dict[Scope, Past]:
    """Of each scope that cost anything: the costs and rates of the last half year, up to the day before ``today``."""
    period = Period(today - DAYS_READ * DAY, today - DAY)
    rates = _rates(account, period)
    return {
        scope: Past(np.array(amounts, dtype=np.float64), rates.get(scope, np.zeros(DAYS_READ)))
        for scope, amounts in _most_costly(daily_by_scope(account, period))
    }


def _rates(account: Account, period: Period) -> dict[Scope, Days]:
    """Of each scope what to reckon with at the end of each day."""
    found: dict[Scope, Any] = defaultdict(lambda: np.zeros((2, len(period))))
    values: dict[str, Any] = {
        "account": account.pk,
        "longest": LONGEST_VALUE,
        "month": HOURS_PER_MONTH,
        "first_end": _midnight(period.first + DAY),
        "last_end": _midnight(period.last + DAY),
        "tried": timedelta(hours=HOURS_TRIED),
        "stayed": timedelta(hours=HOURS_STAYED),
    }
    with connection.cursor() as cursor:
        cursor.execute(RATES, values)
        for kind, value, day, *rates in cursor:
            found[Scope(kind, value)][:, (day - period.first).days] = [float(rate) for rate in rates]
        cursor.execute(LIVES, values)
        lives = {Scope(kind, value): (tried, stayed) for kind, value, tried, stayed in cursor}
    return {
        scope: standing(running, young, tried=lives.get(scope, (0, 0))[0], stayed=lives.get(scope, (0, 0))[1])
        for scope, (running, young) in found.items()
    }


def _most_costly(costs: dict[Scope, list[Decimal]]) -> list[tuple[Scope, list[Decimal]]]:
    """Every scope, of tags only those that cost most; in an order that does not depend on the database's."""
    ordered = sorted(costs.items(), key=lambda item: (-sum(item[1]), item[0].kind, item[0].value))
    tags = [item for item in ordered if item[0].kind == "tag"]
    return [item for item in ordered if item[0].kind != "tag"] + tags[:TAGS_AT_MOST]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
