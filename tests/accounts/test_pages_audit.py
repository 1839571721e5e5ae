from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit import record
from accounts.models import User

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
ActorFor = Callable[..., Any]


def test_an_event_says_who_what_when_and_from_where(
    tenant: SimpleNamespace, sign_in: SignIn, actor_for: ActorFor
) -> None:
    event = record(actor_for(tenant.member), "thing.make", tenant.organization, size="large")
    page = sign_in(tenant.owner).get(reverse("accounts:audit-list")).content.decode()
    for part in ("member@acme.test", "thing.make", "Acme", event.created_at.strftime("%Y-%m-%d %H:%M"), "large"):
        assert part in page


def test_data_is_escaped(tenant: SimpleNamespace, sign_in: SignIn, actor_for: ActorFor) -> None:
    record(actor_for(tenant.owner), "thing.make", tenant.organization, note="<script>alert(1)</script>")
    assert "<script>alert" not in sign_in(tenant.owner).get(reverse("accounts:audit-list")).content.decode()


def test_another_organizations_events_stay_there(
    tenant: SimpleNamespace, stranger: User, sign_in: SignIn, actor_for: ActorFor
) -> None:
    record(actor_for(tenant.owner), "thing.make", tenant.organization)
    assert "thing.make" not in sign_in(stranger).get(reverse("accounts:audit-list")).content.decode()


def test_pages_keep_the_filter(tenant: SimpleNamespace, sign_in: SignIn, actor_for: ActorFor) -> None:
    for number in range(51):
        record(actor_for(tenant.owner), "thing.make", tenant.organization, number=number)
    first = sign_in(tenant.owner).get(reverse("accounts:audit-list"), {"action": "thing"})
    assert "1–50 of 51" in first.content.decode()
    assert "?action=thing&amp;page=2" in first.content.decode()
    second = sign_in(tenant.owner).get(reverse("accounts:audit-list"), {"action": "thing", "page": "2"})
    assert len(second.context["page_obj"].object_list) == 1


@pytest.mark.parametrize(
    "query", [{"page": "9999"}, {"page": "x"}, {"since": "x"}, {"action": "\x00"}, {"actor": "x" * 900}]
)
def test_a_strange_filter_is_no_error(query: dict[str, str], tenant: SimpleNamespace, sign_in: SignIn) -> None:
    assert sign_in(tenant.owner).get(reverse("accounts:audit-list"), query).status_code == 200


def test_nothing_found_says_so(tenant: SimpleNamespace, sign_in: SignIn) -> None:
    page = sign_in(tenant.owner).get(reverse("accounts:audit-list"), {"actor": "nobody"}).content.decode()
    assert "Nothing matches" in page
