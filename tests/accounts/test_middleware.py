from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from accounts import services
from accounts.actors import actor_of
from accounts.context_processors import actor as context
from accounts.guards import requires
from accounts.middleware import ActorMiddleware
from accounts.models import Membership, Right, Role, User

pytestmark = pytest.mark.django_db


def pass_through(user: User | AnonymousUser, **session: str) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user, request.session = user, SessionStore()
    request.session.update(session)
    ActorMiddleware(lambda _: HttpResponse())(request)
    return request


def test_nothing_is_read_until_somebody_asks(
    tenant: SimpleNamespace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        request = pass_through(tenant.owner)
        context(request)
    with django_assert_num_queries(1):
        assert actor_of(request).organization == tenant.organization
        assert len(request.memberships) == 1  # type: ignore[attr-defined]


def test_the_session_chooses_among_the_users_organizations(tenant: SimpleNamespace, stranger: User) -> None:
    second = services.create_organization(user=tenant.member, name="Second")
    assert actor_of(pass_through(tenant.member)).organization == tenant.organization
    chosen = actor_of(pass_through(tenant.member, organization=str(second.pk)))
    assert (chosen.organization, chosen.role) == (second, Role.OWNER)
    foreign = stranger.memberships.get().organization_id
    assert actor_of(pass_through(tenant.member, organization=str(foreign))).organization == tenant.organization


def test_nobody_is_an_actor_without_organization(db: None) -> None:
    actor = actor_of(pass_through(AnonymousUser()))
    assert (actor.user, actor.organization, actor.label) == (None, None, "anonymous")


def test_templates_are_told_the_rights(tenant: SimpleNamespace) -> None:
    values = context(pass_through(tenant.member))
    assert [values[name]() for name in ("may_order", "may_manage", "may_own")] == [True, False, False]


def test_error_pages_work_before_the_middleware_ran() -> None:
    assert context(HttpRequest())["actor"].organization is None


def guarded(request: HttpRequest) -> HttpResponse:
    return requires(Right.MANAGE)(lambda _: HttpResponse("in"))(request)  # type: ignore[return-value]


def test_the_guard_sends_nobody_to_sign_in(db: None) -> None:
    assert guarded(pass_through(AnonymousUser()))["Location"] == "/accounts/login/?next=/"


def test_the_guard_sends_the_homeless_to_found_an_organization(tenant: SimpleNamespace) -> None:
    Membership.objects.all().delete()
    assert guarded(pass_through(tenant.owner))["Location"] == "/organizations/new/"


def test_the_guard_lets_in_by_right(tenant: SimpleNamespace) -> None:
    assert guarded(pass_through(tenant.admin)).content == b"in"
    with pytest.raises(Exception, match="owner, admin") as refused:
        guarded(pass_through(tenant.member))
    assert type(refused.value).__name__ == "PermissionDenied"


def test_pages_allow_no_inline_code_and_the_admin_only_what_its_theme_needs(
    client: Client, tenant: SimpleNamespace, sign_in: Callable[[User], Client]
) -> None:
    page = policy(client.get("/accounts/login/"))
    assert "unsafe" not in str(page)
    assert page["script-src"] == "'self'"
    User.objects.filter(pk=tenant.owner.pk).update(is_staff=True, is_superuser=True)
    admin = policy(sign_in(tenant.owner).get("/admin/accounts/user/"))
    assert admin == page | {"script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"}


def policy(response: Any) -> dict[str, str]:
    directives = response["Content-Security-Policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)
