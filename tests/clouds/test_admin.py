from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, User
from clouds import issuer
from clouds.models import CloudAccount, Offering, OfferingVersion, SigningKey
from clouds.providers import CloudUnreachable

from .conftest import SECRET


@pytest.fixture
def operator(db, sign_in):
    return sign_in(User.objects.create_superuser("operator@platform.test", "x"))


def url(model: str, view: str, *args: object) -> str:
    return reverse(f"admin:clouds_{model}_{view}", args=args)


def test_accounts_show_no_secret(operator, account, django_assert_max_num_queries):
    with django_assert_max_num_queries(60) as context:
        pages = [
            operator.get(url("cloudaccount", "changelist")),
            operator.get(url("cloudaccount", "change", account.pk)),
        ]
    for response in pages:
        assert response.status_code == 200
        assert "AKIA…MPLE" in response.content.decode()
        assert SECRET not in response.content.decode()
    assert not [query for query in context.captured_queries if '"credentials"' in query["sql"]]


def test_accounts_can_neither_be_made_nor_changed(operator, account):
    assert operator.get(url("cloudaccount", "add")).status_code == 403
    operator.post(url("cloudaccount", "change", account.pk), {"name": "x", "credentials": "{}"})
    assert operator.post(url("cloudaccount", "delete", account.pk), {"post": "yes"}).status_code == 403
    assert CloudAccount.objects.get().name == "production"


def test_operators_check_accounts(operator, account, cloud):
    cloud.missing = ["ec2:RunInstances"]
    body = {"action": "verify", "_selected_action": [str(account.pk)]}
    response = operator.post(url("cloudaccount", "changelist"), body, follow=True)
    assert "Permissions missing" in response.content.decode()
    event = AuditEvent.objects.get(action="cloud_account.verify")
    assert event.actor_label == "operator operator@platform.test"
    cloud.error = CloudUnreachable("AWS could not be reached.")
    response = operator.post(url("cloudaccount", "changelist"), body, follow=True)
    assert "AWS could not be reached." in response.content.decode()


@pytest.fixture
def version(db) -> OfferingVersion:
    offering = Offering.objects.create(id="aws/vm", provider="aws", kind="vm")
    version = OfferingVersion.objects.create(
        offering=offering, version="1.0.0", content_hash="h", title="Virtual machine", manifest={"a": "<b>"}, schema={}
    )
    Offering.objects.update(current=version)
    return version


def test_offerings_go_on_and_off_the_shelf(operator, version):
    assert operator.get(url("offering", "changelist")).status_code == 200
    response = operator.post(url("offering", "change", "aws/vm"), {"kind": "bucket"})
    assert response.status_code == 302
    offering = Offering.objects.get()
    assert (offering.is_available, offering.kind) == (False, "vm")
    assert AuditEvent.objects.filter(action="offering.admin-change").exists()


def test_versions_are_read_only(operator, version):
    response = operator.get(url("offeringversion", "change", version.pk))
    assert response.status_code == 200
    assert "&lt;b&gt;" in response.content.decode()
    assert operator.get(url("offeringversion", "changelist")).status_code == 200
    assert operator.get(url("offeringversion", "add")).status_code == 403


def test_machine_types_are_listed(operator):
    assert operator.get(url("machinetype", "changelist")).status_code == 200


def test_operators_see_which_keys_sign_and_never_their_private_halves(operator, django_assert_max_num_queries):
    issuer.rotate()
    key = SigningKey.objects.get()
    with django_assert_max_num_queries(60) as context:
        pages = [operator.get(url("signingkey", "changelist")), operator.get(url("signingkey", "change", key.pk))]
    for response in pages:
        assert response.status_code == 200
        assert key.kid in response.content.decode()
        assert "PRIVATE KEY" not in response.content.decode()
    assert not [query for query in context.captured_queries if '"private_key"' in query["sql"]]
    assert operator.get(url("signingkey", "add")).status_code == 403
