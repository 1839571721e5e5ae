from collections.abc import Callable
from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, AuditEvent, Organization, User
from tests.conftest import PASSWORD, membership_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(sign_in: Callable[[User], Client]) -> Client:
    return sign_in(User.objects.create_superuser("op@skyvend.test", PASSWORD))


def events() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("created_at").values_list("action", "actor_label"))


def act(client: Client, model: str, name: str, *rows: object) -> int:
    data = {"action": name, "_selected_action": [str(row.pk) for row in rows]}  # type: ignore[attr-defined]
    return client.post(reverse(f"admin:accounts_{model}_changelist"), data).status_code


def test_operators_sign_in_where_everybody_does(client: Client, tenant: SimpleNamespace) -> None:
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/accounts/login/?next=%2Fadmin%2F"
    answer = client.post("/admin/login/", {"username": "owner@acme.test", "password": PASSWORD})
    assert answer["Location"].startswith("/accounts/login/")


def test_tenants_do_not_get_in(tenant: SimpleNamespace, sign_in: Callable[[User], Client]) -> None:
    client = sign_in(tenant.owner)
    assert client.get("/admin/login/").status_code == 403
    assert client.get("/admin/accounts/user/").status_code == 302


@pytest.mark.parametrize("model", ["user", "organization", "apitoken", "auditevent"])
def test_every_page_opens(operator: Client, tenant: SimpleNamespace, token_for: Callable[..., str], model: str) -> None:
    secret = token_for(tenant.owner)
    rows = {"user": User, "organization": Organization, "apitoken": ApiToken, "auditevent": AuditEvent}
    row = rows[model].objects.first()  # type: ignore[attr-defined]
    for address in (
        reverse(f"admin:accounts_{model}_changelist") + "?q=acme",
        reverse(f"admin:accounts_{model}_change", args=[row.pk]),
    ):
        answer = operator.get(address)
        assert answer.status_code == 200
        assert secret not in answer.content.decode()
        assert ApiToken.objects.get().digest not in answer.content.decode()


def test_suspending_and_lifting_it_are_audited(operator: Client, tenant: SimpleNamespace) -> None:
    act(operator, "organization", "suspend", tenant.organization)
    assert Organization.objects.get().is_suspended
    act(operator, "organization", "unsuspend", tenant.organization)
    assert not Organization.objects.get().is_suspended
    by = "operator op@skyvend.test"
    assert events() == [("organization.suspend", by), ("organization.reinstate", by)]


def test_revoking_a_token_is_audited(operator: Client, tenant: SimpleNamespace, token_for: Callable[..., str]) -> None:
    token_for(tenant.owner)
    act(operator, "apitoken", "revoke", ApiToken.objects.get())
    assert ApiToken.objects.get().revoked_at is not None
    assert events()[-1] == ("token.revoke", "operator op@skyvend.test")


def save_organization(client: Client, organization: Organization, owner_role: str) -> object:
    memberships = list(organization.memberships.order_by("created_at"))
    data = {
        "name": "Acme renamed",
        "slug": organization.slug,
        "max_concurrent_runs": "",
        "memberships-TOTAL_FORMS": str(len(memberships)),
        "memberships-INITIAL_FORMS": str(len(memberships)),
    }
    for number, membership in enumerate(memberships):
        role = owner_role if membership.role == "owner" else membership.role
        data[f"memberships-{number}-id"] = str(membership.pk)
        data[f"memberships-{number}-organization"] = str(organization.pk)
        data[f"memberships-{number}-user"] = str(membership.user_id)
        data[f"memberships-{number}-role"] = role
    return client.post(reverse("admin:accounts_organization_change", args=[organization.pk]), data)


def test_an_edit_is_audited_by_field_names(operator: Client, tenant: SimpleNamespace) -> None:
    save_organization(operator, tenant.organization, "owner")
    event = AuditEvent.objects.get()
    assert (event.action, event.organization) == ("organization.admin-change", tenant.organization)
    assert event.data == {"changes": [{"changed": {"fields": ["Name"]}}]}


def test_not_even_an_operator_takes_away_the_last_owner(operator: Client, tenant: SimpleNamespace) -> None:
    answer = save_organization(operator, tenant.organization, "viewer")
    assert "needs an owner" in answer.content.decode()  # type: ignore[attr-defined]
    assert membership_of(tenant.owner).role == "owner"
    assert events() == []


def test_adding_a_user_and_setting_a_password_are_audited_without_it(operator: Client, db: None) -> None:
    secret = "a-secret-typed-by-an-operator"
    form = {"email": "New@corp.test", "name": "", "usable_password": "true", "password1": secret, "password2": secret}
    operator.post(reverse("admin:accounts_user_add"), form)
    user = User.objects.get(email="new@corp.test")
    operator.post(
        reverse("admin:auth_user_password_change", args=[user.pk]),
        {"usable_password": "true", "password1": secret + "2", "password2": secret + "2"},
    )
    user.refresh_from_db()
    assert user.check_password(secret + "2")
    assert [action for action, _ in events()] == ["user.admin-add", "user.admin-change"]
    assert secret not in str(list(AuditEvent.objects.values()))


def test_a_changed_address_replaces_the_one_to_sign_in_with(operator: Client, tenant: SimpleNamespace) -> None:
    EmailAddress.objects.create(user=tenant.member, email="member@acme.test", primary=True, verified=True)
    form = {"email": "Renamed@acme.test", "name": "", "is_active": "on"}
    operator.post(reverse("admin:accounts_user_change", args=[tenant.member.pk]), form)
    address = EmailAddress.objects.get(user=tenant.member)
    assert (address.email, address.primary, address.verified) == ("renamed@acme.test", True, False)
    login = {"login": "renamed@acme.test", "password": PASSWORD}
    assert Client().post("/accounts/login/", login).status_code == 302
    assert Client().post("/accounts/login/", login | {"login": "member@acme.test"}).status_code == 200


def test_an_operator_who_is_no_superuser_cannot_become_one(sign_in: Callable[[User], Client], db: None) -> None:
    staff = User.objects.create_user("staff@skyvend.test", PASSWORD, is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    superuser = User.objects.create_superuser("op@skyvend.test", PASSWORD)
    client = sign_in(staff)
    form = {"email": staff.email, "name": "x", "is_active": "on", "is_superuser": "on"}
    client.post(reverse("admin:accounts_user_change", args=[staff.pk]), form)
    staff.refresh_from_db()
    assert (staff.name, staff.is_superuser) == ("x", False)
    attempt = client.post(
        reverse("admin:auth_user_password_change", args=[superuser.pk]), {"password1": "x", "password2": "x"}
    )
    assert attempt.status_code == 403


def test_nothing_of_the_trail_can_be_changed_here(operator: Client, tenant: SimpleNamespace) -> None:
    assert operator.get(reverse("admin:accounts_auditevent_add")).status_code == 403
    for model in ("organization", "user"):
        row = getattr(tenant, "organization" if model == "organization" else "owner")
        assert operator.post(reverse(f"admin:accounts_{model}_delete", args=[row.pk])).status_code == 403
