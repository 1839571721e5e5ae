import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import Organization
from provisioning import events
from provisioning.events import Recorder, append_event
from provisioning.models import Run, RunEvent
from provisioning.terraform.messages import Event, EventKind

from .engine import make_account, make_resource, make_run, make_version, modules

__all__ = ["modules"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(modules: Path, db: None) -> Run:
    organization = Organization.objects.create(name="Acme", slug="acme")
    return make_run(make_resource(make_version(modules), make_account(organization)))


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    heard: list[Any] = []
    monkeypatch.setattr(events, "_announce", lambda group, message: heard.append(group))
    return heard


def seqs(run: Run) -> list[int]:
    return list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))


def test_events_wait_for_a_flush_and_are_announced_after_it(run: Run, announced: list[Any]) -> None:
    recorder = Recorder(run.pk)
    recorder.say(EventKind.LOG, "one")
    recorder.say(EventKind.DIAGNOSTIC, "two", "error", address="a.b")
    assert (seqs(run), announced) == ([], [])

    recorder.flush()

    rows = RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "level", "kind", "message", "data")
    assert list(rows) == [(1, "info", "log", "one", {}), (2, "error", "diagnostic", "two", {"address": "a.b"})]
    assert announced == [f"run.{run.pk}"]


def test_a_hundred_events_are_written_without_being_asked(run: Run, announced: list[Any]) -> None:
    recorder = Recorder(run.pk)

    for number in range(100):
        recorder.say(EventKind.LOG, str(number))

    assert seqs(run) == list(range(1, 101))


def test_a_tick_writes_what_has_waited_long_enough(
    run: Run, announced: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(run.pk)
    recorder.say(EventKind.LOG, "one")
    recorder.tick()
    assert seqs(run) == []

    monkeypatch.setattr(events, "FLUSH_EVERY", 0.0)
    recorder.tick()

    assert seqs(run) == [1]


def test_numbers_have_no_gap_when_many_write_at_once(run: Run, announced: list[Any]) -> None:
    def write(_: int) -> None:
        try:
            recorder = Recorder(run.pk)
            for number in range(7):
                recorder.say(EventKind.LOG, str(number))
            recorder.flush()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(20)))

    assert seqs(run) == list(range(1, 141))
    run.refresh_from_db()
    assert run.last_seq == 140


def test_an_event_written_in_a_transaction_that_fails_leaves_no_gap(run: Run, announced: list[Any]) -> None:
    with transaction.atomic():
        append_event(run, "info", "log", "never happened", {})
        transaction.set_rollback(True)

    append_event(run, "info", "log", "happened", {})

    assert (seqs(run), announced) == ([1], [f"run.{run.pk}"])


def test_events_are_kept_while_the_database_is_away(
    run: Run, announced: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(run.pk)
    insert = events._insert
    monkeypatch.setattr(events, "FLUSH_EVERY", -10.0)

    def refuse(*args: Any) -> None:
        raise DatabaseError("the server closed the connection")

    monkeypatch.setattr(events, "_insert", refuse)
    recorder.say(EventKind.LOG, "one")
    recorder.tick()
    recorder.say(EventKind.LOG, "two")
    monkeypatch.setattr(events, "_insert", insert)
    recorder.tick()

    messages = RunEvent.objects.filter(run=run).order_by("seq").values_list("message", flat=True)
    assert list(messages) == ["one", "two"]


def test_a_failing_announcement_does_not_lose_the_event(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    class Broken:
        async def group_send(self, group: str, message: Any) -> None:
            failed.set()
            raise ConnectionError("Redis is gone")

    monkeypatch.setattr(events, "get_channel_layer", Broken)

    append_event(run, "info", "log", "still here", {})

    assert failed.wait(10)
    assert seqs(run) == [1]


def test_a_run_that_does_not_exist_is_an_error(run: Run) -> None:
    with pytest.raises(Run.DoesNotExist):
        events._insert(run.resource_id, [(run.queued_at, Event(EventKind.LOG, "x"))])


async def test_an_announcement_reaches_a_listener(transactional_db: None) -> None:
    from channels.layers import get_channel_layer

    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add("run.4711", channel)

    events.announce_run("4711")  # type: ignore[arg-type]

    assert await layer.receive(channel) == {"type": "run.changed"}
