"""Operators look at the engine and act on it; what they do is audited, what is sealed stays so."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from provisioning import events
from provisioning.models import Resource, Run, StateVersion, Worker

Order = Callable[..., Run]
pytestmark = pytest.mark.django_db
CANARY = "canary-in-the-state"


@pytest.fixture
def operator(sign_in: Callable[[User], Client]) -> Client:
    return sign_in(User.objects.create_superuser("operator@skyvend.test", "correct-horse-battery"))


def test_lists_and_pages_open_and_show_nothing_sealed(operator: Client, order: Order) -> None:
    run = order("web-1")
    events.append_event(run, "info", "log", "a line of the log", {})
    Resource.objects.filter(pk=run.resource_id).update(sealed_outputs={"password": CANARY})
    state = StateVersion.objects.create(
        resource=run.resource, run=run, serial=1, lineage="x", body=CANARY, sha256="0" * 64, objects_count=1
    )
    worker = Worker.objects.create(host="here", pid=1, concurrency=2, engine="terraform 1.11.4")
    for model, row in (("resource", run.resource), ("run", run), ("stateversion", state), ("worker", worker)):
        for path in ("", f"{row.pk}/change/"):
            page = operator.get(f"/admin/provisioning/{model}/{path}")
            assert page.status_code == 200, (model, path)
            assert CANARY not in page.content.decode()
    assert "a line of the log" in operator.get(f"/admin/provisioning/run/{run.pk}/change/").content.decode()
    assert "1 waiting, 0 working" in operator.get("/admin/provisioning/run/").content.decode()


def test_nothing_is_added_changed_or_deleted_by_hand(operator: Client, order: Order) -> None:
    run = order("web-1")
    assert operator.get("/admin/provisioning/run/add/").status_code == 403
    assert operator.post(f"/admin/provisioning/run/{run.pk}/change/", {"status": "succeeded"}).status_code == 403
    assert operator.post(f"/admin/provisioning/run/{run.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_operator_cancels_and_retries_and_both_are_audited(
    operator: Client, order: Order, tenant: SimpleNamespace
) -> None:
    run = order("web-1")
    operator.post("/admin/provisioning/run/", {"action": "cancel", "_selected_action": [str(run.pk)]})
    run.refresh_from_db()
    assert run.status == "canceled"
    operator.post("/admin/provisioning/resource/", {"action": "retry", "_selected_action": [str(run.resource_id)]})
    assert Run.objects.filter(status="queued", resource=run.resource).count() == 1
    for action in ("run.cancel", "resource.create"):
        event = AuditEvent.objects.filter(action=action).first()
        assert event is not None
        assert "operator@skyvend.test" in event.actor_label
        assert event.organization == tenant.organization


def test_an_action_that_is_refused_says_why(operator: Client, order: Order) -> None:
    run = order("web-1")
    Run.objects.filter(pk=run.pk).update(status="succeeded", finished_at=timezone.now())
    answer = operator.post(
        "/admin/provisioning/run/", {"action": "cancel", "_selected_action": [str(run.pk)]}, follow=True
    )
    assert "already ended" in answer.content.decode()
