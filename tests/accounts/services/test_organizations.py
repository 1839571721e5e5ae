from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ValidationError

from accounts import services
from accounts.actors import system_actor
from accounts.models import AuditEvent, Membership, Organization, Role, User
from accounts.origins import RequestMeta
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
META = RequestMeta(ip="1.2.3.4", user_agent="curl", request_id="r1")


def register(**changes: str) -> tuple[User, Organization]:
    values = {"email": "New@Corp.test", "password": PASSWORD, "organization": "Corp & Söhne"} | changes
    return services.register(**values, request_meta=META)  # type: ignore[arg-type]


def test_registering_makes_a_user_who_owns_an_organization() -> None:
    user, organization = register()
    assert (user.email, user.check_password(PASSWORD)) == ("new@corp.test", True)
    assert (organization.name, organization.slug) == ("Corp & Söhne", "corp-sohne")
    assert Membership.objects.get().role == Role.OWNER
    assert EmailAddress.objects.get().verified is False
    events = AuditEvent.objects.order_by("created_at")
    assert [(event.action, event.ip) for event in events] == [
        ("user.register", "1.2.3.4"),
        ("organization.create", "1.2.3.4"),
    ]


def test_an_address_registers_once_whatever_its_case() -> None:
    register()
    with pytest.raises(services.EmailTaken):
        register(email="NEW@corp.TEST")
    assert Organization.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "password"}, "password"),
        ({"password": "short"}, "password"),
        ({"organization": "  "}, "organization"),
    ],
)
def test_a_weak_password_or_no_name_is_refused_by_field(changes: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        register(**changes)
    assert list(refused.value.message_dict) == [field]
    assert User.objects.count() == 0


@pytest.mark.parametrize("name", ["Acme", "acme", "ACME!", "日本"])
def test_names_may_repeat_and_slugs_never_do(tenant: SimpleNamespace, name: str) -> None:
    made = [services.create_organization(user=tenant.owner, name=name) for _ in range(3)]
    slugs = {organization.slug for organization in Organization.objects.all()}
    assert len(slugs) == 4
    assert {organization.name for organization in made} == {name}


def test_a_very_long_name_still_gets_a_slug(tenant: SimpleNamespace) -> None:
    made = [services.create_organization(user=tenant.owner, name="x" * 120) for _ in range(2)]
    assert max(len(organization.slug) for organization in made) <= 60


def test_switching_works_only_to_ones_own(tenant: SimpleNamespace, stranger: User) -> None:
    session = SessionStore()
    second = services.create_organization(user=tenant.owner, name="Second")
    services.switch_organization(user=tenant.owner, session=session, organization_id=second.pk)
    assert session["organization"] == str(second.pk)
    with pytest.raises(Membership.DoesNotExist):
        services.switch_organization(user=stranger, session=session, organization_id=second.pk)


def test_suspending_and_reinstating_are_audited_once(tenant: SimpleNamespace) -> None:
    actor = system_actor()
    for _ in range(2):
        assert services.suspend_organization(actor=actor, organization=tenant.organization).is_suspended
    for _ in range(2):
        assert not services.reinstate_organization(actor=actor, organization=tenant.organization).is_suspended
    events = AuditEvent.objects.order_by("created_at").values_list("action", "organization")
    assert list(events) == [
        ("organization.suspend", tenant.organization.pk),
        ("organization.reinstate", tenant.organization.pk),
    ]
