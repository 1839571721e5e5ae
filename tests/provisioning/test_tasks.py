import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import dramatiq
import pytest
from dramatiq_crontab import scheduler

from provisioning import execution, power, recovery, sizing, tasks
from provisioning.recovery import Swept


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    rings: list[Any] = []
    monkeypatch.setattr(tasks.drain_queue, "send", lambda: rings.append(1))
    return rings


def test_a_doorbell_works_one_run_and_rings_for_the_next(monkeypatch: pytest.MonkeyPatch, rung: list[Any]) -> None:
    monkeypatch.setattr(execution, "run_next", lambda: True)

    tasks.drain_queue()

    assert len(rung) == 1


def test_an_empty_queue_ends_the_ringing(monkeypatch: pytest.MonkeyPatch, rung: list[Any]) -> None:
    monkeypatch.setattr(execution, "run_next", lambda: False)

    tasks.drain_queue()

    assert rung == []


@pytest.mark.parametrize(("queued", "rings"), [(0, 0), (3, 3), (5000, tasks.RINGS_AT_MOST)])
def test_a_sweep_rings_for_those_that_wait(
    monkeypatch: pytest.MonkeyPatch, rung: list[Any], queued: int, rings: int
) -> None:
    monkeypatch.setattr(recovery, "sweep", lambda: Swept(queued=queued, lost=0))
    monkeypatch.setattr(power, "stop_without_credit", lambda: 0)

    tasks.sweep()

    assert len(rung) == rings


def test_a_run_is_never_repeated_by_the_queue() -> None:
    for actor in (tasks.drain_queue, tasks.sweep):
        assert actor.options["max_retries"] == 0


def test_doorbells_and_sweeps_have_queues_of_their_own() -> None:
    assert (tasks.drain_queue.queue_name, tasks.sweep.queue_name) == ("runs", "system")
    assert dramatiq.get_broker().get_declared_queues() >= {"runs", "system"}


def test_the_scheduler_sweeps(settings: Any) -> None:
    assert "sweep" in [job.name for job in scheduler.get_jobs()]


def test_the_queues_time_limit_is_beyond_the_runs_own(settings: Any) -> None:
    assert tasks.drain_queue.options["time_limit"] > (settings.RUN_TIMEOUT + settings.RUN_CANCEL_GRACE) * 1000


LOADED = """
import django, dramatiq
django.setup()
from provisioning.management.commands import worker
worker.load_actors()
print(sorted(dramatiq.get_broker().get_declared_actors()))
"""


def test_a_worker_knows_the_actors_of_every_app() -> None:
    """In a process of its own: here other tests have loaded them."""
    printed = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout
    assert {"book_usage", "drain_queue", "rotate_signing_keys", "sweep"} <= set(re.findall(r"'(\w+)'", printed))


def test_machines_that_are_due_are_looked_at_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as there are fewer due than before it is rung for again, so that no message takes a thread for long."""
    due, started, rung_again = [3, 2, 2, 2, 0], [], []
    monkeypatch.setattr(sizing, "accounts_due", lambda _: SimpleNamespace(count=lambda: due.pop(0)))
    monkeypatch.setattr(subprocess, "run", lambda argv, **_: started.append(argv[1:4]))
    monkeypatch.setattr(tasks.propose_sizes, "send", lambda: rung_again.append(1))

    tasks.propose_sizes()  # 3 due, 2 left
    assert (started, rung_again) == ([["manage.py", "propose_sizes", "--due"]], [1])
    tasks.propose_sizes()  # one that cannot be looked at stays due until the next tick
    tasks.propose_sizes()  # none due

    assert (len(started), rung_again) == (2, [1])
