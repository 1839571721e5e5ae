from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts import services
from accounts.credentials import (
    NotAMember,
    OrganizationUnclear,
    actor_in_organization,
    jwt_user,
    lower_role,
    token_actor,
)
from accounts.models import ApiToken, Organization, Role, User
from accounts.origins import RequestMeta
from tests.conftest import membership_of

pytestmark = pytest.mark.django_db
META = RequestMeta(ip="1.2.3.4")
TokenFor = Callable[..., str]


def test_a_token_opens_its_organization_with_its_role(tenant: SimpleNamespace, token_for: TokenFor) -> None:
    actor = token_actor(token_for(tenant.owner, Role.VIEWER), META)
    assert actor is not None
    assert (actor.user, actor.organization, actor.role) == (tenant.owner, tenant.organization, Role.VIEWER)
    assert (actor.label, actor.ip) == ("token test", "1.2.3.4")


def test_a_token_in_use_costs_one_query(
    tenant: SimpleNamespace, token_for: TokenFor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    secret = token_for(tenant.owner)
    token_actor(secret, META)
    with django_assert_num_queries(1):
        actor = token_actor(secret, META)
        assert actor is not None
        assert actor.organization is not None
        assert actor.user is not None


def test_the_last_use_is_noted_at_most_once_a_minute(
    tenant: SimpleNamespace, token_for: TokenFor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    secret = token_for(tenant.owner)
    with django_assert_num_queries(2):
        token_actor(secret, META)
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None
    token_actor(secret, META)
    assert ApiToken.objects.get().last_used_at == noted
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    with django_assert_num_queries(2):
        token_actor(secret, META)


@pytest.mark.parametrize("of_user", Role)
@pytest.mark.parametrize("of_token", Role)
def test_a_token_never_allows_more_than_its_user_may_today(
    tenant: SimpleNamespace, token_for: TokenFor, of_user: Role, of_token: Role
) -> None:
    actor = token_actor(token_for(getattr(tenant, of_user), of_token), META)
    assert actor is not None
    assert actor.role == lower_role(of_user, of_token)


def test_a_token_of_somebody_who_left_or_was_deactivated_opens_nothing(
    tenant: SimpleNamespace, token_for: TokenFor
) -> None:
    left, inactive = token_for(tenant.member), token_for(tenant.admin)
    membership_of(tenant.member).delete()
    User.objects.filter(pk=tenant.admin.pk).update(is_active=False)
    assert [token_actor(secret, META) for secret in (left, inactive)] == [None, None]


def test_an_expired_revoked_or_made_up_token_opens_nothing(tenant: SimpleNamespace, token_for: TokenFor) -> None:
    secret = token_for(tenant.owner)
    assert token_actor(secret + "x", META) is None
    assert token_actor("", META) is None
    ApiToken.objects.update(expires_at=timezone.now())
    assert token_actor(secret, META) is None
    ApiToken.objects.update(expires_at=None, revoked_at=timezone.now())
    assert token_actor(secret, META) is None


def test_an_access_token_names_its_user(tenant: SimpleNamespace) -> None:
    assert jwt_user(str(AccessToken.for_user(tenant.owner))) == tenant.owner


def test_a_refresh_token_is_no_access_token(tenant: SimpleNamespace) -> None:
    assert jwt_user(str(RefreshToken.for_user(tenant.owner))) is None


@pytest.mark.parametrize("encoded", ["", "x", "a.b.c", "\xff", "é.é.é"])
def test_nonsense_is_no_access_token(encoded: str) -> None:
    assert jwt_user(encoded) is None


def test_a_new_password_or_a_deactivation_ends_access_tokens(tenant: SimpleNamespace) -> None:
    encoded = str(AccessToken.for_user(tenant.owner))
    tenant.owner.set_password("another-long-password")
    tenant.owner.save()
    assert jwt_user(encoded) is None
    encoded = str(AccessToken.for_user(tenant.member))
    User.objects.filter(pk=tenant.member.pk).update(is_active=False)
    assert jwt_user(encoded) is None


def test_a_user_in_one_organization_need_not_name_it(tenant: SimpleNamespace) -> None:
    assert actor_in_organization(tenant.member, None, META).organization == tenant.organization


def test_a_user_in_several_must_name_one_of_theirs(tenant: SimpleNamespace, stranger: User) -> None:
    second = services.create_organization(user=tenant.member, name="Second")
    with pytest.raises(OrganizationUnclear) as unclear:
        actor_in_organization(tenant.member, None, META)
    assert unclear.value.slugs == ["acme", "second"]
    actor = actor_in_organization(tenant.member, "second", META)
    assert (actor.organization, actor.role) == (second, Role.OWNER)
    for slug in ("elsewhere", "nowhere"):
        with pytest.raises(NotAMember):
            actor_in_organization(tenant.member, slug, META)


def test_a_user_without_an_organization_is_an_actor_who_may_nothing(tenant: SimpleNamespace) -> None:
    Organization.objects.all().delete()
    actor = actor_in_organization(tenant.member, None, META)
    assert (actor.user, actor.organization, actor.role) == (tenant.member, None, None)
