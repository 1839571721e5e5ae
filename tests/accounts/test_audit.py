from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actors import Actor, system_actor
from accounts.audit import record
from accounts.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "write",
    [
        lambda: AuditEvent.objects.update(action="nothing.happened"),
        lambda: AuditEvent.objects.all().delete(),
        lambda: AuditEvent.objects.get().delete(),
        lambda: AuditEvent.objects.get().save(),
        lambda: connection.cursor().execute("DELETE FROM accounts_auditevent"),
    ],
)
def test_the_database_refuses_to_change_or_delete_an_event(tenant: SimpleNamespace, write: Callable[[], Any]) -> None:
    record(system_actor(tenant.organization), "thing.make", tenant.organization, tenant.organization)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        write()
    assert AuditEvent.objects.get().action == "thing.make"


def test_an_event_says_who_what_and_from_where(tenant: SimpleNamespace) -> None:
    actor = Actor(
        user=tenant.owner, organization=tenant.organization, role=None, ip="1.2.3.4", user_agent="curl", request_id="r1"
    )
    event = record(actor, "thing.make", tenant.member, colour="red")
    event.refresh_from_db()
    assert (event.organization, event.actor, event.actor_label) == (
        tenant.organization,
        tenant.owner,
        "owner@acme.test",
    )
    assert (event.target_type, event.target_id, event.target_label) == (
        "user",
        str(tenant.member.pk),
        "member@acme.test",
    )
    assert (event.data, event.ip, event.user_agent, event.request_id) == ({"colour": "red"}, "1.2.3.4", "curl", "r1")


def test_an_event_is_gone_with_the_write_it_describes(tenant: SimpleNamespace) -> None:
    with transaction.atomic():
        record(system_actor(tenant.organization), "thing.make")
        transaction.set_rollback(True)
    assert AuditEvent.objects.count() == 0
