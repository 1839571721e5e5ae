from itertools import product

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.actors import Actor, anonymous_actor, operator_actor, system_actor
from accounts.models import Organization, Right, Role, User
from accounts.origins import RequestMeta

roles, rights = st.sampled_from(Role), st.sampled_from(Right)
MATRIX = {
    Role.OWNER: "view order manage own",
    Role.ADMIN: "view order manage",
    Role.MEMBER: "view order",
    Role.VIEWER: "view",
}


def actor(role: Role | None, *, suspended: bool = False) -> Actor:
    organization = Organization(name="Acme", suspended_at=timezone.now() if suspended else None)
    return Actor(user=User(email="a@acme.test"), organization=organization if role else None, role=role)


@pytest.mark.parametrize(("role", "right"), list(product(Role, Right)))
def test_each_role_has_the_rights_of_the_matrix(role: Role, right: Right) -> None:
    assert actor(role).may(right) == (right in MATRIX[role].split())


@given(roles, roles, rights)
def test_a_role_that_is_at_most_another_never_allows_more(lower: Role, higher: Role, right: Right) -> None:
    if lower.is_at_most(higher):
        assert not lower.allows(right) or higher.allows(right)


@given(roles, roles)
def test_of_two_roles_one_is_always_at_most_the_other(one: Role, other: Role) -> None:
    assert one.is_at_most(other) or other.is_at_most(one)


@given(roles, rights)
def test_in_a_suspended_organization_everybody_may_only_view(role: Role, right: Right) -> None:
    assert actor(role, suspended=True).may(right) == (right is Right.VIEW)


@given(rights)
def test_an_operator_may_do_everything_even_in_a_suspended_organization(right: Right) -> None:
    suspended = Organization(name="Acme", suspended_at=timezone.now())
    assert operator_actor(User(email="op@x.test"), suspended, RequestMeta()).may(right)


@given(rights)
def test_nobody_and_people_without_an_organization_may_do_nothing(right: Right) -> None:
    assert not anonymous_actor().may(right)
    assert not actor(None).may(right)


def test_requiring_a_missing_right_says_who_has_it_and_why() -> None:
    with pytest.raises(PermissionDenied, match=r"viewer.*these do: owner, admin, member\."):
        actor(Role.VIEWER).require(Right.ORDER)
    with pytest.raises(PermissionDenied, match="suspended"):
        actor(Role.OWNER, suspended=True).require(Right.ORDER)


def test_labels_tell_system_nobody_people_and_operators_apart() -> None:
    operator = operator_actor(User(email="op@x.test"), None, RequestMeta())
    labels = [who.label for who in (system_actor(), anonymous_actor(), actor(Role.OWNER), operator)]
    assert labels == ["system", "anonymous", "a@acme.test", "operator op@x.test"]
