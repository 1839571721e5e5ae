"""The daily costs of every scope of an account at once, in one statement."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from billing.models import ZERO, Account

from .periods import Period
from .scopes import Scope

LONGEST_VALUE = 120  # characters of "team=data", what CostForecast.value holds

# Each resource with every scope that it is in.
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
"""  # noqa: S608  - the parts are constants


def daily_by_scope(account: Account, period: Period) -> dict[Scope, list[Decimal]]:
    """Of each scope that cost anything in ``period``, the amount of every day, oldest first."""
    found: dict[Scope, list[Decimal]] = defaultdict(lambda: [ZERO] * len(period))
    values: dict[str, Any] = {"account": account.pk, "longest": LONGEST_VALUE}
    with connection.cursor() as cursor:
        cursor.execute(COSTS, values | {"first": period.first, "last": period.last})
        for kind, value, day, amount in cursor:
            found[Scope(kind, value)][_place(period, day)] = amount
    return dict(found)


def _place(period: Period, day: date) -> int:
    return (day - period.first).days
