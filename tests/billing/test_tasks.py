"""The scheduler's ticks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import dramatiq
import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from dramatiq_crontab import scheduler

from billing import metering, tasks
from billing.alone import alone
from billing.models import Account, UsageRecord

from .usage import NOON, line, run

HOUR = timedelta(hours=1)


def test_the_scheduler_books_usage_every_minute() -> None:
    [job] = [job for job in scheduler.get_jobs() if job.name == "book_usage"]
    assert job.trigger.interval == timedelta(minutes=1)


def test_the_queue_repeats_no_pass_and_drops_one_that_waited_for_the_next() -> None:
    assert (tasks.book_usage.queue_name, tasks.book_usage.options["max_retries"]) == ("system", 0)
    assert tasks.book_usage.options["max_age"] == 60_000
    assert "system" in dramatiq.get_broker().get_declared_queues()


def test_a_tick_books_the_hours_that_are_over(organization: Any) -> None:
    run(organization, line())
    with time_machine.travel(NOON + 2 * HOUR + timedelta(minutes=1), tick=False):
        tasks.book_usage.fn()
    assert UsageRecord.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_tick_beside_a_pass_does_nothing(organization: Any) -> None:
    run(organization, line(), at=timezone.now() - 3 * HOUR)

    def elsewhere() -> Any:
        try:
            return metering.book_usage_alone()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with alone(metering.PASS_LOCK) as is_alone:
            assert is_alone
            assert threads.submit(elsewhere).result() is None
        assert UsageRecord.objects.count() == 0
        assert threads.submit(elsewhere).result().records > 0


def test_an_account_that_cannot_be_booked_keeps_no_other_from_it(
    organization: Any, stranger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (organization, stranger.organization):
        run(each, line())
    broken = Account.objects.order_by("pk").first()
    append = metering.append_entry

    def refuse(account: Account, *rest: Any, **more: Any) -> Any:
        if account == broken:
            raise ValueError("too much")
        return append(account, *rest, **more)

    monkeypatch.setattr(metering, "append_entry", refuse)
    with pytest.raises(ExceptionGroup, match="not every account") as caught:
        metering.book_usage(until=NOON + HOUR)
    assert [str(problem) for problem in caught.value.exceptions] == ["too much"]
    assert UsageRecord.objects.get().account != broken
