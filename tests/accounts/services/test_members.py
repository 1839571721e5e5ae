from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from accounts import services
from accounts.actors import Actor, member_actor
from accounts.models import ApiToken, AuditEvent, Membership, Organization, Role, User
from tests.conftest import make_user, membership_of

pytestmark = pytest.mark.django_db
ActorFor = Callable[..., Actor]
MAY_CHANGE = {Role.OWNER: set(Role), Role.ADMIN: {Role.ADMIN, Role.MEMBER, Role.VIEWER}}


@pytest.mark.parametrize(("by", "before", "after"), list(product(Role, Role, Role)))
def test_nobody_gives_or_takes_a_role_above_their_own(
    tenant: SimpleNamespace, actor_for: ActorFor, by: Role, before: Role, after: Role
) -> None:
    somebody = membership_of(make_user("somebody@acme.test", tenant.organization, before))
    actor = actor_for(getattr(tenant, by))
    allowed = {before, after} <= MAY_CHANGE.get(by, set())
    try:
        services.change_role(actor=actor, membership=somebody, role=after)
        did = True
    except (PermissionDenied, services.RoleTooHigh):
        did = False
    somebody.refresh_from_db()
    assert did == allowed
    assert somebody.role == (after if allowed else before)


def test_changing_a_role_is_audited(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    services.change_role(actor=actor_for(tenant.owner), membership=membership_of(tenant.member), role=Role.VIEWER)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.organization) == ("member.change-role", tenant.owner, tenant.organization)
    assert event.data == {"member": "member@acme.test", "before": "member", "after": "viewer"}


def test_changing_a_role_to_the_same_writes_nothing(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    services.change_role(actor=actor_for(tenant.owner), membership=membership_of(tenant.member), role=Role.MEMBER)
    assert AuditEvent.objects.count() == 0


def test_the_last_owner_can_neither_be_demoted_nor_removed_nor_leave(
    tenant: SimpleNamespace, actor_for: ActorFor
) -> None:
    actor, membership = actor_for(tenant.owner), membership_of(tenant.owner)
    with pytest.raises(services.LastOwner):
        services.change_role(actor=actor, membership=membership, role=Role.ADMIN)
    with pytest.raises(services.LastOwner):
        services.remove_member(actor=actor, membership=membership)
    with pytest.raises(services.LastOwner):
        services.leave_organization(actor=actor)
    assert membership_of(tenant.owner).role == Role.OWNER
    assert AuditEvent.objects.count() == 0


def test_an_owner_may_leave_when_there_is_another(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    make_user("second@acme.test", tenant.organization, Role.OWNER)
    services.leave_organization(actor=actor_for(tenant.owner))
    assert not tenant.owner.memberships.exists()
    assert AuditEvent.objects.get().action == "member.leave"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.VIEWER])
def test_everybody_else_may_leave(tenant: SimpleNamespace, actor_for: ActorFor, role: Role) -> None:
    user: User = getattr(tenant, role)
    services.leave_organization(actor=actor_for(user))
    assert not user.memberships.exists()


def test_a_member_removes_nobody_else(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    with pytest.raises(PermissionDenied):
        services.remove_member(actor=actor_for(tenant.member), membership=membership_of(tenant.viewer))
    with pytest.raises(services.RoleTooHigh):
        services.remove_member(actor=actor_for(tenant.admin), membership=membership_of(tenant.owner))
    assert tenant.organization.memberships.count() == 4


def test_whoever_is_removed_loses_their_tokens(
    tenant: SimpleNamespace, actor_for: ActorFor, token_for: Callable[..., str]
) -> None:
    token_for(tenant.member)
    services.remove_member(actor=actor_for(tenant.admin), membership=membership_of(tenant.member))
    assert ApiToken.objects.get().revoked_at is not None


def test_who_was_taken_out_meanwhile_is_no_member_any_more(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    membership = membership_of(tenant.member)
    Membership.objects.filter(pk=membership.pk).delete()
    with pytest.raises(services.NoMemberAnyMore):
        services.remove_member(actor=actor_for(tenant.owner), membership=membership)


def test_in_a_suspended_organization_nobody_changes_roles_or_leaves(
    tenant: SimpleNamespace, actor_for: ActorFor
) -> None:
    Organization.objects.update(suspended_at=timezone.now())
    with pytest.raises(PermissionDenied, match="suspended"):
        services.change_role(actor=actor_for(tenant.owner), membership=membership_of(tenant.member), role=Role.ADMIN)
    with pytest.raises(PermissionDenied, match="suspended"):
        services.leave_organization(actor=actor_for(tenant.member))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["demote each other", "both leave", "one of each"])
def test_two_owners_who_go_at_once_leave_one_behind(db: Any, kind: str) -> None:
    for round_number in range(5):
        organization = Organization.objects.create(name="Race", slug=f"race-{kind[:3]}-{round_number}")
        members = [
            membership_of(make_user(f"{n}-{round_number}@race.test", organization, Role.OWNER)) for n in range(2)
        ]
        outcomes = _at_once([_departure(kind, number, members) for number in range(2)])
        assert sorted(outcomes) == ["LastOwner", "done"] or sorted(outcomes) == ["PermissionDenied", "done"]
        assert Membership.objects.filter(organization=organization, role=Role.OWNER).count() == 1


def _departure(kind: str, number: int, members: list[Membership]) -> Callable[[], object]:
    own, other = members[number], members[1 - number]
    actor = member_actor(own.user, own)
    if kind == "demote each other":
        return lambda: services.change_role(actor=actor, membership=other, role=Role.MEMBER)
    if kind == "both leave" or number == 0:
        return lambda: services.leave_organization(actor=actor)
    return lambda: services.change_role(actor=actor, membership=own, role=Role.MEMBER)


def _at_once(calls: list[Callable[[], object]]) -> list[str]:
    def run(call: Callable[[], object]) -> str:
        try:
            call()
        except (services.LastOwner, PermissionDenied) as error:
            return type(error).__name__
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
