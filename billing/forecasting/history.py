"""The past of every scope of an account, in two statements: daily costs, and what ran at the end of each day."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from django.db import connection

from billing.costs import Scope
from billing.models import Account
from billing.money import HOURS_PER_MONTH

from .methods import Past, standing

DAYS_READ = 182  # half a year: 26 weeks
TAGS_AT_MOST = 100  # "team=data" and the like, by cost; more would be somebody's serial numbers
LONGEST_VALUE = 120  # characters of "team=data", what CostForecast.value holds
DAY = timedelta(days=1)

SCOPED = """
WITH scoped AS (
    SELECT resource.id, scope.kind, scope.value
    FROM billing_billedresource resource CROSS JOIN LATERAL (
        SELECT 'organization' AS kind, '' AS value
        UNION ALL SELECT 'provider', resource.provider
        UNION ALL SELECT 'kind', resource.kind
        UNION ALL SELECT 'account', resource.cloud_account WHERE resource.cloud_account <> ''
        UNION ALL SELECT 'tag', tag.key || '=' || tag.value FROM jsonb_each_text(resource.tags) tag
    ) scope
    WHERE resource.account_id = %(account)s AND length(scope.value) <= %(longest)s
)
"""

COSTS = f"""{SCOPED}
SELECT scoped.kind, scoped.value, cost.day, sum(cost.amount)
FROM billing_dailycost cost JOIN scoped ON scoped.id = cost.resource_id
WHERE cost.account_id = %(account)s AND cost.day BETWEEN %(first)s AND %(last)s
GROUP BY scoped.kind, scoped.value, cost.day
"""  # noqa: S608 - the parts are constants

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
"""  # noqa: S608 - the parts are constants


def pasts(account: Account, today: date) -> dict[Scope, Past]:
    """Of each scope that cost anything: the costs and rates of the last half year, up to the day before ``today``."""
    first, last = today - DAYS_READ * DAY, today - DAY
    values = {
        "account": account.pk,
        "first": first,
        "last": last,
        "first_end": _midnight(first + DAY),
        "last_end": _midnight(today),
        "month": HOURS_PER_MONTH,
        "longest": LONGEST_VALUE,
    }
    costs = _by_scope(COSTS, values, first, columns=1)
    rates = _by_scope(RATES, values, first, columns=3)
    nothing = np.zeros((3, DAYS_READ))
    return {scope: Past(found[0], standing(*rates.get(scope, nothing))) for scope, found in _most_costly(costs)}


def _by_scope(statement: str, values: dict[str, Any], first: date, *, columns: int) -> dict[Scope, Any]:
    """Of each scope an array with a row per column and a place for each day, zero where nothing was found."""
    found: dict[Scope, Any] = defaultdict(lambda: np.zeros((columns, DAYS_READ)))
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for kind, value, day, *amounts in cursor:
            found[Scope(kind, value)][:, (day - first).days] = [float(amount) for amount in amounts]
    return found


def _most_costly(costs: dict[Scope, Any]) -> list[tuple[Scope, Any]]:
    """Every scope, of tags only those that cost most; in an order that does not depend on the database's."""
    ordered = sorted(costs.items(), key=lambda item: (-item[1].sum(), item[0].kind, item[0].value))
    tags = [item for item in ordered if item[0].kind == "tag"]
    return [item for item in ordered if item[0].kind != "tag"] + tags[:TAGS_AT_MOST]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
