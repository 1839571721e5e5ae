from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from accounts.actors import Actor
from accounts.audit import record
from accounts.forms import AuditFilterForm, InvitationForm, RoleForm, TokenForm
from accounts.models import AuditEvent, Role

pytestmark = pytest.mark.django_db
ActorFor = Callable[..., Actor]


@pytest.mark.parametrize(
    ("role", "given"),
    [
        ("owner", ["owner", "admin", "member", "viewer"]),
        ("admin", ["admin", "member", "viewer"]),
        ("member", ["member", "viewer"]),
        ("viewer", ["viewer"]),
    ],
)
def test_nobody_may_give_a_role_above_their_own(
    role: str, given: list[str], tenant: SimpleNamespace, actor_for: ActorFor
) -> None:
    form = RoleForm(actor=actor_for(getattr(tenant, role)))
    assert [value for value, _ in form.fields["role"].choices] == given


def test_a_role_above_ones_own_is_refused(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    form = InvitationForm({"email": "new@acme.test", "role": "owner"}, actor=actor_for(tenant.admin))
    assert not form.is_valid()
    assert list(form.errors) == ["role"]


def test_a_role_is_cleaned_to_the_enum(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    form = RoleForm({"role": "viewer"}, actor=actor_for(tenant.owner))
    assert form.is_valid()
    assert form.cleaned_data["role"] is Role.VIEWER


def test_a_token_ends_after_the_chosen_days(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    form = TokenForm({"name": "ci", "role": "member", "days": "30"}, actor=actor_for(tenant.owner))
    assert form.is_valid()
    ends = form.expires_at()
    assert ends is not None
    assert timedelta(days=29, hours=23) < ends - timezone.now() <= timedelta(days=30)


def test_a_token_may_never_end(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    form = TokenForm({"name": "ci", "role": "member", "days": ""}, actor=actor_for(tenant.owner))
    assert form.is_valid()
    assert form.expires_at() is None


def narrowed(reader: Actor, **data: str) -> list[str]:
    form = AuditFilterForm(data)
    form.is_valid()
    return [event.action for event in form.narrow(AuditEvent.objects.visible_to(reader))]


def test_the_audit_is_narrowed_by_who_what_and_on_what(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    owner, admin = actor_for(tenant.owner), actor_for(tenant.admin)
    record(owner, "organization.rename", tenant.organization)
    record(admin, "member.remove", tenant.viewer, tenant.organization)
    assert narrowed(owner) == ["member.remove", "organization.rename"]
    assert narrowed(owner, actor="ADMIN@") == ["member.remove"]
    assert narrowed(owner, action="rename") == ["organization.rename"]
    assert narrowed(owner, target="viewer@acme") == ["member.remove"]
    assert narrowed(owner, target="organization") == ["organization.rename"]
    assert narrowed(owner, target=str(tenant.viewer.pk)) == ["member.remove"]


def test_the_audit_is_narrowed_by_days_in_utc(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    owner = actor_for(tenant.owner)
    for hour, action in ((0, "first"), (23, "last")):
        AuditEvent.objects.create(
            organization=tenant.organization,
            actor_label="x",
            action=action,
            created_at=datetime(2026, 5, 6, hour, 59, 59, tzinfo=UTC),
        )
    assert narrowed(owner, since="2026-05-06", until="2026-05-06") == ["last", "first"]
    assert narrowed(owner, since="2026-05-07") == []
    assert narrowed(owner, until="2026-05-05") == []


def test_a_date_that_is_none_narrows_nothing(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    owner = actor_for(tenant.owner)
    record(owner, "organization.rename", tenant.organization)
    assert narrowed(owner, since="yesterday") == ["organization.rename"]
