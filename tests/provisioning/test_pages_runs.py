"""The pages of runs: list, live page, poll, download, cancel."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from provisioning import events, presenting
from provisioning.models import Run

Order = Callable[..., Run]
SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db


def seqs(html: str) -> list[int]:
    return [int(seq) for seq in re.findall(r'data-seq="(\d+)"', html)]


def say(run: Run, kind: str, **data: object) -> None:
    events.append_event(run, "info", kind, f"{kind} {data.get('address', '')}", data)


def test_the_list_shows_and_narrows_runs(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1")
    client = sign_in(tenant.viewer)
    assert f"/runs/{run.pk}/" in client.get("/runs/").content.decode()
    assert "No run fits" in client.get("/runs/?status=failed").content.decode()


def test_a_run_shows_all_lines_so_far_and_refreshes_without_javascript(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order
) -> None:
    run = order("web-1")
    for number in range(4):
        say(run, "log", address=str(number))
    page = sign_in(tenant.viewer).get(f"/runs/{run.pk}/").content.decode()
    assert seqs(page) == [1, 2, 3, 4]
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "Cancel run" not in page
    assert "Cancel run" in sign_in(tenant.member).get(f"/runs/{run.pk}/").content.decode()


def test_progress_is_shown_for_each_object(order: Order) -> None:
    run = order("web-1")
    Run.objects.filter(pk=run.pk).update(status="applying", started_at=timezone.now())
    run.refresh_from_db()
    for address in ("aws_instance.this", "aws_security_group.this", "aws_key_pair.this"):
        say(run, "planned_change", address=address, action="create")
    say(run, "apply_start", address="aws_instance.this", action="create")
    say(run, "apply_progress", address="aws_instance.this", action="create", elapsed_seconds=10)
    say(run, "apply_start", address="aws_key_pair.this", action="create")
    say(run, "apply_complete", address="aws_key_pair.this", action="create", elapsed_seconds=1, id="key")
    progress = presenting.progress_of(run)
    assert [(one.address, one.word) for one in progress.objects] == [
        ("aws_instance.this", "creating"),
        ("aws_security_group.this", "to create"),
        ("aws_key_pair.this", "created"),
    ]
    assert (progress.done, progress.total) == (1, 3)
    html = presenting.render_summary(run)
    assert html.count("<progress") == 3
    assert [(step.name, step.state) for step in presenting.steps_of(run)][3] == ("applying", "now")
    assert presenting.with_progress([run])[0].objects_done == 1


@pytest.mark.parametrize(
    ("status", "reached"), [("failed", "planning"), ("canceled", "planning"), ("lost", "planning")]
)
def test_a_run_that_ended_badly_stops_at_its_phase(order: Order, status: str, reached: str) -> None:
    run = order("web-1")
    say(run, "phase", phase="preparing")
    say(run, "phase", phase="planning")
    say(run, "phase", phase="finished")
    Run.objects.filter(pk=run.pk).update(status=status, started_at=timezone.now(), finished_at=timezone.now())
    run.refresh_from_db()
    assert [step.name for step in presenting.steps_of(run) if step.state == "failed"] == [reached]


@pytest.mark.parametrize(("status", "word"), [("failed", "failed"), ("canceled", "stopped")])
def test_what_a_cancel_broke_off_was_stopped_and_did_not_fail(order: Order, status: str, word: str) -> None:
    run = order("web-1")
    say(run, "apply_start", address="aws_instance.this", action="create")
    say(run, "apply_errored", address="aws_instance.this", action="create")
    Run.objects.filter(pk=run.pk).update(status=status, started_at=timezone.now(), finished_at=timezone.now())
    run.refresh_from_db()
    assert [one.state for one in presenting.progress_of(run).objects] == [word]


def test_polling_gives_what_is_new_and_286_at_the_end(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1")
    for number in range(3):
        say(run, "log", address=str(number))
    client = sign_in(tenant.viewer)
    answer = client.get(f"/runs/{run.pk}/events/?after=1")
    assert (answer.status_code, seqs(answer.content.decode())) == (200, [2, 3])
    assert seqs(client.get(f"/runs/{run.pk}/events/?after=nonsense").content.decode()) == [1, 2, 3]
    Run.objects.filter(pk=run.pk).update(status="succeeded", finished_at=timezone.now())
    assert client.get(f"/runs/{run.pk}/events/?after=1").status_code == 286


def test_the_log_is_downloaded_as_text(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1")
    say(run, "log", address="here")
    answer = sign_in(tenant.viewer).get(f"/runs/{run.pk}/log/")
    assert answer["Content-Disposition"].startswith('attachment; filename="web-1-create-')
    assert "INFO    log here" in b"".join(answer.streaming_content).decode()


def test_a_run_is_canceled_from_its_page(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    run = order("web-1")
    assert sign_in(tenant.viewer).post(f"/runs/{run.pk}/cancel/").status_code == 403
    client = sign_in(tenant.member)
    page = client.post(f"/runs/{run.pk}/cancel/", follow=True).content.decode()
    assert "Canceled by member@acme.test" in page
    assert "already ended" in client.post(f"/runs/{run.pk}/cancel/", follow=True).content.decode()


@pytest.mark.parametrize("path", ["", "events/", "log/"])
def test_a_stranger_finds_nothing(sign_in: SignIn, stranger: User, order: Order, path: str) -> None:
    assert sign_in(stranger).get(f"/runs/{order('web-1').pk}/{path}").status_code == 404
