"""The past of every scope of an account, in two statements: daily costs, and what ran at the end of each day."""

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

from .methods import Past, standing

DAYS_READ = 182  # half a year: 26 weeks
TAGS_AT_MOST = 100  # "team=data" and the like, by cost; more would be somebody's serial numbers
DAY = timedelta(days=1)

# A meter counts at the end of each day at which it runs. Young is what runs of a resource that was not metered when
# the day began; kept, what of the young still costs a day later.
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
    SELECT running.*, lag(running.at) OVER of_one IS NOT DISTINCT FROM running.at - interval '1 day' AS is_old,
        least(running.rate, CASE lead(running.at) OVER of_one WHEN running.at + interval '1 day'
            THEN lead(running.rate) OVER of_one ELSE 0 END) AS kept
    FROM running WINDOW of_one AS (PARTITION BY running.resource_id ORDER BY running.at)
)
SELECT scoped.kind, scoped.value, (aged.at AT TIME ZONE 'UTC')::date - 1, sum(aged.rate),
    coalesce(sum(aged.rate) FILTER (WHERE NOT aged.is_old AND aged.at > %(first_end)s), 0),
    coalesce(sum(aged.kept) FILTER (WHERE NOT aged.is_old AND aged.at > %(first_end)s), 0)
FROM aged JOIN scoped ON scoped.id = aged.resource_id
GROUP BY scoped.kind, scoped.value, aged.at
"""  # noqa: S608  - the parts are constants


def pasts(account: Account, today: date) -> dict[Scope, Past]:
    """Of each scope that cost anything: the costs and rates of the last half year, up to the day before ``today``."""
    period = Period(today - DAYS_READ * DAY, today - DAY)
    rates, nothing = _rates(account, period), np.zeros((3, DAYS_READ))
    return {
        scope: Past(np.array(amounts, dtype=np.float64), standing(*rates.get(scope, nothing)))
        for scope, amounts in _most_costly(daily_by_scope(account, period))
    }


def _rates(account: Account, period: Period) -> dict[Scope, Any]:
    """Of each scope three rows: what ran at the end of each day, what of it was young, what of that was kept."""
    found: dict[Scope, Any] = defaultdict(lambda: np.zeros((3, len(period))))
    values: dict[str, Any] = {"account": account.pk, "longest": LONGEST_VALUE, "month": HOURS_PER_MONTH}
    ends = {"first_end": _midnight(period.first + DAY), "last_end": _midnight(period.last + DAY)}
    with connection.cursor() as cursor:
        cursor.execute(RATES, values | ends)
        for kind, value, day, *rates in cursor:
            found[Scope(kind, value)][:, (day - period.first).days] = [float(rate) for rate in rates]
    return found


def _most_costly(costs: dict[Scope, list[Decimal]]) -> list[tuple[Scope, list[Decimal]]]:
    """Every scope, of tags only those that cost most; in an order that does not depend on the database's."""
    ordered = sorted(costs.items(), key=lambda item: (-sum(item[1]), item[0].kind, item[0].value))
    tags = [item for item in ordered if item[0].kind == "tag"]
    return [item for item in ordered if item[0].kind != "tag"] + tags[:TAGS_AT_MOST]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
