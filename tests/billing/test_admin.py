from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, User
from billing import prices, quotes, services
from billing.models import Account, Hold, LedgerEntry, Price, Quote

pytestmark = pytest.mark.django_db
Credit = Callable[..., LedgerEntry]


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("operator@skyvend.test", "correct-horse-battery")


@pytest.fixture
def client(operator: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(operator)


@pytest.fixture
def account(tenant: SimpleNamespace, credit: Credit) -> Account:
    credit(tenant.organization, "10")
    services.hold_credit(
        organization=tenant.organization, reference="resource:1", amount=Decimal(4), description="VM web-1"
    )
    return services.account_of(tenant.organization)


def address(row: Model, page: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


def deed(row: Model, name: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


def top_up(client: Client, account: Account, **data: str) -> str:
    form = {"amount": "25.50", "note": "Invoice 7", "key": str(uuid.uuid4()), **data}
    response = client.post(deed(account, "top_up"), form, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_an_operator_tops_up_and_it_is_audited(client: Client, operator: User, account: Account):
    page = top_up(client, account)
    assert "25.500000 USD added; the balance is 35.500000." in page
    entry = LedgerEntry.objects.latest("number")
    assert (entry.amount, entry.description, entry.balance_after) == (Decimal("25.5"), "Invoice 7", Decimal("35.5"))
    event = AuditEvent.objects.filter(action="credit.top_up").latest("created_at")
    assert (event.actor, event.organization, event.data["amount"]) == (operator, account.organization, "25.500000")


def test_the_form_carries_a_key_that_differs_each_time(client: Client, account: Account):
    keys = {
        re.search(r'name="key" value="([^"]+)"', client.get(deed(account, "top_up")).content.decode())[1] for _ in "ab"
    }
    assert len(keys) == 2


def test_sending_the_form_twice_tops_up_once(client: Client, account: Account):
    key = str(uuid.uuid4())
    top_up(client, account, key=key)
    top_up(client, account, key=key)
    assert Account.objects.get().balance == Decimal("35.5")
    assert "nothing was booked again" in top_up(client, account, key=key, amount="1")
    assert Account.objects.get().balance == Decimal("35.5")


@pytest.mark.parametrize(
    "data", [{"amount": "0"}, {"amount": "-5"}, {"amount": "0.001"}, {"amount": "x"}, {"note": ""}]
)
def test_only_a_positive_amount_with_a_note_is_booked(client: Client, account: Account, data: dict[str, str]):
    top_up(client, account, **data)
    assert Account.objects.get().balance == Decimal(10)


def test_an_operator_releases_a_hold_with_a_reason(client: Client, operator: User, account: Account):
    hold = Hold.objects.get()
    client.post(deed(hold, "release"), {"reason": ""})
    assert Hold.objects.get().status == "open"
    page = client.post(deed(hold, "release"), {"reason": "Stuck order"}, follow=True).content.decode()
    assert "4.000000 USD released." in page
    assert (Hold.objects.get().status, Account.objects.get().held) == ("released", Decimal(0))
    event = AuditEvent.objects.get(action="hold.release")
    assert (event.actor, event.data["reason"]) == (operator, "Stuck order")
    again = client.post(deed(hold, "release"), {"reason": "Again"}, follow=True).content.decode()
    assert "closed before; nothing changed" in again
    assert AuditEvent.objects.filter(action="hold.release").count() == 1


def test_an_operator_chooses_what_happens_without_credit(client: Client, operator: User, account: Account):
    assert "Stop machines without credit" in client.get(deed(account, "policy")).content.decode()

    page = client.post(deed(account, "policy"), {"stops_machines": "on", "reason": "as agreed"}, follow=True)

    assert "Without credit, machines are stopped." in page.content.decode()
    assert services.account_of(account.organization).stops_machines is True
    event = AuditEvent.objects.get(action="credit.policy")
    assert (event.actor, event.data) == (operator, {"stops_machines": True, "reason": "as agreed"})
    client.post(deed(account, "policy"), {"reason": "paid again"})
    assert services.account_of(account.organization).stops_machines is False


def test_a_closed_hold_does_not_release_a_newer_one_of_its_reference(
    client: Client, account: Account, tenant: SimpleNamespace
):
    first = Hold.objects.get()
    services.release_hold(organization=tenant.organization, reference="resource:1")
    services.hold_credit(organization=tenant.organization, reference="resource:1", amount=Decimal(3))
    client.post(deed(first, "release"), {"reason": "Old tab"})
    assert Account.objects.get().held == Decimal(3)


@pytest.fixture
def everything(account: Account, tenant: SimpleNamespace) -> list[Model]:
    prices.load()
    quoted = quotes.quote(region="us-east-1", items=[quotes.Item("IP", "aws:ipv4", Decimal(1))])
    quotes.keep_quote(organization=tenant.organization, reference="resource:1", quoted=quoted)
    rows = [model.objects.first() for model in (Account, Hold, LedgerEntry, Price, Quote)]
    return [row for row in rows if row is not None]


def test_every_list_and_row_can_be_read(client: Client, everything: list[Model]):
    for row in everything:
        listed = reverse(f"admin:billing_{row._meta.model_name}_changelist")
        assert client.get(listed + "?q=a").status_code == 200
        assert client.get(listed).status_code == 200
        assert client.get(address(row)).status_code == 200


def test_nothing_can_be_added_changed_or_deleted_by_hand(client: Client, everything: list[Model]):
    for row in everything:
        assert client.get(reverse(f"admin:billing_{row._meta.model_name}_add")).status_code == 403
        assert client.post(address(row), {"amount": "5"}).status_code == 403
        assert client.post(address(row, "delete"), {"post": "yes"}).status_code == 403


def test_staff_without_the_right_can_look_but_not_act(sign_in: Callable[[User], Client], account: Account):
    staff = User.objects.create_user("staff@skyvend.test", "correct-horse-battery", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_account", "view_hold"]))
    client = sign_in(staff)
    assert client.get(address(account)).status_code == 200
    assert client.post(deed(account, "top_up"), {"amount": "5", "note": "x"}).status_code == 403
    assert client.post(deed(Hold.objects.get(), "release"), {"reason": "x"}).status_code == 403


def test_an_owner_of_a_tenant_is_no_operator(
    tenant: SimpleNamespace, account: Account, sign_in: Callable[[User], Client]
):
    assert sign_in(tenant.owner).post(deed(account, "top_up"), {"amount": "5", "note": "x"}).status_code in (302, 403)
    assert Account.objects.get().balance == Decimal(10)
