"""A tenant with one user of each role, a stranger, and ways to act as them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.test import Client
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.actors import Actor, member_actor
from accounts.models import Membership, Organization, Role, User
from accounts.services import issue_token

PASSWORD = "correct-horse-battery"


@pytest.fixture
def tenant(db: None) -> SimpleNamespace:
    """``organization`` with the users ``owner``, ``admin``, ``member`` and ``viewer`` in it."""
    organization = Organization.objects.create(name="Acme", slug="acme")
    users = {role.value: make_user(f"{role.value}@acme.test", organization, role) for role in Role}
    return SimpleNamespace(organization=organization, **users)


@pytest.fixture
def stranger(db: None) -> User:
    """The owner of another organization, which is their ``.organization``."""
    organization = Organization.objects.create(name="Elsewhere", slug="elsewhere")
    user = make_user("stranger@elsewhere.test", organization, Role.OWNER)
    user.organization = organization  # type: ignore[attr-defined]
    return user


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A browser's client with the user's session."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def api() -> Callable[..., APIClient]:
    """An API client with the user's JWT, in ``organization`` (default: the user's first)."""

    def make(user: User, organization: Organization | None = None) -> APIClient:
        client = APIClient()
        chosen = organization or membership_of(user).organization
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(user)}", HTTP_X_ORGANIZATION=chosen.slug)
        return client

    return make


@pytest.fixture
def actor_for() -> Callable[..., Actor]:
    """The user as an actor, in ``organization`` (default: the user's first)."""

    def make(user: User, organization: Organization | None = None) -> Actor:
        return member_actor(user, membership_of(user, organization))

    return make


@pytest.fixture
def token_for() -> Callable[..., str]:
    """The secret of a new API token of the user; ``role`` defaults to the user's own."""

    def make(user: User, role: Role | str | None = None) -> str:
        membership = membership_of(user)
        actor = member_actor(user, Membership(organization=membership.organization, user=user, role=Role.OWNER))
        _, secret = issue_token(actor=actor, name="test", role=Role(role or membership.role), expires_at=None)
        return secret

    return make


def make_user(email: str, organization: Organization | None = None, role: Role = Role.MEMBER) -> User:
    user = User.objects.create_user(email, PASSWORD)
    if organization is not None:
        Membership.objects.create(organization=organization, user=user, role=role)
    return user


def membership_of(user: User, organization: Organization | None = None) -> Membership:
    rows = user.memberships.select_related("organization")
    found = rows.filter(organization=organization).first() if organization else rows.first()
    assert found is not None
    return found
