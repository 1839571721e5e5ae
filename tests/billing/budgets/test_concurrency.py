"""Several evaluations at once on a real PostgreSQL say everything once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.actors import system_actor
from billing import alerting, budgets, metering, services
from billing.models import Account, Alert, Delivery
from tests.billing.test_concurrency import at_once
from tests.billing.usage import NOON, line, run

pytestmark = pytest.mark.django_db(transaction=True)
NOW = NOON + timedelta(hours=50)


def test_eight_evaluations_at_once_say_each_thing_once(organization: Any, credit: Any):
    credit(organization, "55")
    run(organization, line(price="1"))
    metering.book_usage(until=NOW)
    actor = system_actor(organization)
    thresholds = [10, 50, 100, {"percent": 50, "on": "forecast"}, {"percent": 50, "on": "run_rate"}]
    for number in range(5):
        budgets.create_budget(actor=actor, name=str(number), amount=Decimal(50), thresholds=thresholds)
    account = services.account_of(organization)

    results = at_once(8, lambda _: len(alerting.evaluate(Account.objects.get(pk=account.pk), NOW)))

    assert [result for result in results if not isinstance(result, int)] == []
    assert sum(results) == Alert.objects.count() == Delivery.objects.count() == 5 * 5 + 2  # type: ignore[arg-type]
    assert Alert.objects.values("key").distinct().count() == Alert.objects.count()
