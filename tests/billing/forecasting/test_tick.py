"""The scheduler's tick: forecasts are made in another process, while any are due."""

import subprocess
from datetime import timedelta

import pytest
from dramatiq_crontab import scheduler

from billing.tasks import forecasts

from .history import TODAY, midnight, running


@pytest.fixture
def started(monkeypatch, time_machine):
    """The commands that a tick started, at 00:20 of TODAY; nothing runs."""
    time_machine.move_to(midnight(TODAY) + timedelta(minutes=20))
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda argv, **options: commands.append(argv[1:]))
    monkeypatch.setattr(forecasts.forecast_costs, "send", lambda: commands.append("again"))
    return commands


def test_the_scheduler_looks_every_ten_minutes():
    [job] = [job for job in scheduler.get_jobs() if job.name == "forecast_costs"]
    assert job.trigger.interval == timedelta(minutes=10)
    assert forecasts.forecast_costs.queue_name == "system"


@pytest.mark.django_db
def test_a_tick_starts_nothing_when_nothing_is_due(started):
    forecasts.forecast_costs.fn()
    assert started == []


def test_a_tick_starts_the_command_and_does_not_repeat_what_gets_nowhere(started, organization):
    running(organization)
    forecasts.forecast_costs.fn()
    assert started == [["manage.py", "forecast_costs", "--due", "--seconds", "10"]]


def test_a_tick_rings_again_while_some_are_left(started, organization, monkeypatch):
    running(organization)
    counts = iter([3, 1])
    monkeypatch.setattr(
        forecasts, "accounts_due", lambda today: type("Due", (), {"count": lambda self: next(counts)})()
    )
    forecasts.forecast_costs.fn()
    assert started[1:] == ["again"]
