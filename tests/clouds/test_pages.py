from __future__ import annotations

import re

import pytest
from django.urls import reverse

from clouds.models import CloudAccount
from clouds.providers import CloudUnreachable, CredentialsRefused

from .conftest import CREDENTIALS, NEW_CREDENTIALS, SECRET

LIST, NEW = "/cloud-accounts/", "/cloud-accounts/new/"
FORM = {"name": "production", "default_region": "eu-west-1", **CREDENTIALS, "session_token": ""}


def page(name: str, account: CloudAccount) -> str:
    return reverse(f"clouds:account-{name}", args=[account.pk])


def markup(response) -> str:
    text = response.content.decode()
    assert not re.search(r"\sstyle=|<script(?![^>]*\bsrc=)|\son[a-z]+=|hx-on", text)
    assert SECRET not in text
    return text


def test_every_role_sees_its_pages_and_no_others(tenant, stranger, sign_in, account, cloud):
    reading = [LIST, page("detail", account)]
    managing = [NEW, page("credentials", account), page("edit", account)]
    for role in ("owner", "admin", "member", "viewer"):
        client = sign_in(getattr(tenant, role))
        for url in reading:
            assert client.get(url).status_code == 200
        for url in managing:
            assert client.get(url).status_code == (200 if role in ("owner", "admin") else 403)
    foreign = sign_in(stranger)
    for url in [page(name, account) for name in ("detail", "credentials", "edit")]:
        assert foreign.get(url).status_code == 404
    for name in ("verify", "delete"):
        assert foreign.post(page(name, account)).status_code == 404
        assert sign_in(tenant.member).post(page(name, account)).status_code == 403


def test_nobody_is_sent_to_sign_in(client, db):
    assert client.get(LIST).status_code == 302
    assert "/accounts/login/" in client.get(LIST)["Location"]


def test_writing_pages_take_no_get(tenant, sign_in, account):
    client = sign_in(tenant.owner)
    assert client.get(page("verify", account)).status_code == 405
    assert client.get(page("delete", account)).status_code == 405


def test_an_empty_list_leads_on(tenant, sign_in):
    assert NEW in markup(sign_in(tenant.owner).get(LIST))
    text = markup(sign_in(tenant.viewer).get(LIST))
    assert NEW not in text
    assert "Ask an owner or admin" in text


def test_the_list_shows_status_and_what_is_missing(tenant, sign_in, account_in):
    account_in(tenant.organization, status="limited", missing_permissions=["a:A", "b:B"])
    text = markup(sign_in(tenant.viewer).get(LIST))
    assert 'data-status="limited"' in text
    assert "arn:aws:iam::123456789012:user/skyvend" in text
    assert "AKIA…MPLE" in text


def test_the_list_costs_the_same_for_three_as_for_one(tenant, sign_in, account_in, django_assert_max_num_queries):
    client = sign_in(tenant.viewer)
    counts = []
    for names in (["a"], ["b", "c"]):
        for name in names:
            account_in(tenant.organization, name=name)
        client.get(LIST)
        with django_assert_max_num_queries(12) as context:
            client.get(LIST)
        counts.append(len(context))
    assert counts[0] == counts[1]


def test_the_form_says_what_the_keys_need(tenant, sign_in, cloud, make_resource):
    text = markup(sign_in(tenant.owner).get(NEW))
    assert "s3:CreateBucket" in text
    assert "tag:GetResources" in text
    assert "Create access key" in text
    assert "One IAM policy that grants them all" in text
    assert "Bucket, some options: 1 action (only if used)" in text


def test_connecting_leads_to_the_account(tenant, sign_in, cloud):
    response = sign_in(tenant.owner).post(NEW, FORM)
    account = CloudAccount.objects.get()
    assert response.status_code == 302
    assert response["Location"] == page("detail", account)
    assert account.credentials == CREDENTIALS


def test_after_an_error_the_form_holds_the_name_but_no_key(tenant, sign_in, cloud):
    cloud.error = CredentialsRefused("AWS does not know this access key ID.")
    response = sign_in(tenant.owner).post(NEW, FORM)
    assert response.status_code == 422
    text = markup(response)
    assert "AWS does not know this access key ID." in text
    assert 'value="production"' in text
    assert CREDENTIALS["access_key_id"] not in text


def test_swapped_fields_are_told_and_not_shown(tenant, sign_in, cloud):
    swapped = {**FORM, "access_key_id": SECRET, "secret_access_key": CREDENTIALS["access_key_id"]}
    text = markup(sign_in(tenant.owner).post(NEW, swapped))
    assert "the two are swapped" in text


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": "a\x00"}, {"secret_access_key": "x" * 1_000_000},
                                     {"default_region": "mars-1"}, {"access_key_id": ""}])  # fmt: skip
def test_bad_forms_come_back_with_422(tenant, sign_in, cloud, changes):
    response = sign_in(tenant.owner).post(NEW, {**FORM, **changes})
    assert response.status_code == 422
    assert "field-error" in markup(response)
    assert cloud.asked == []


def test_an_endpoint_in_the_form_is_ignored(tenant, sign_in, cloud):
    sign_in(tenant.owner).post(NEW, {**FORM, "endpoint_url": "http://10.0.0.1", "is_sandbox": "on"})
    assert cloud.asked[0][0] == ""
    assert not CloudAccount.objects.get().is_sandbox


def test_detail_says_what_is_missing_in_words(tenant, sign_in, account_in):
    limited = account_in(
        tenant.organization, status="limited", missing_permissions=["ec2:RunInstances"], unchecked_permissions=["s3:X"]
    )
    text = markup(sign_in(tenant.viewer).get(page("detail", limited)))
    assert "may not do everything" in text
    assert "<code>ec2:RunInstances</code>" in text
    assert "1 permission could not be checked" in text
    assert "Replace keys" not in text


def test_verifying_with_htmx_swaps_the_status_card(tenant, sign_in, account, cloud):
    cloud.error = CredentialsRefused("AWS does not know this access key ID.")
    response = sign_in(tenant.owner).post(page("verify", account), headers={"HX-Request": "true"})
    text = markup(response)
    assert text.lstrip().startswith('<section id="account-status"')
    assert "AWS does not know this access key ID." in text
    cloud.error = CloudUnreachable("AWS could not be reached.")
    text = markup(sign_in(tenant.owner).post(page("verify", account), headers={"HX-Request": "true"}))
    assert "AWS could not be reached." in text


def test_verifying_without_javascript_returns_to_the_page(tenant, sign_in, account, cloud):
    response = sign_in(tenant.owner).post(page("verify", account))
    assert response["Location"] == page("detail", account)


def test_keys_are_replaced(tenant, sign_in, account, cloud):
    response = sign_in(tenant.owner).post(page("credentials", account), {**NEW_CREDENTIALS, "session_token": ""})
    assert response["Location"] == page("detail", account)
    assert CloudAccount.objects.get().credentials == NEW_CREDENTIALS


def test_name_and_region_are_edited(tenant, sign_in, account, cloud):
    client = sign_in(tenant.owner)
    assert 'value="production"' in markup(client.get(page("edit", account)))
    client.post(page("edit", account), {"name": "main", "default_region": "us-east-1"})
    changed = CloudAccount.objects.get()
    assert (changed.name, changed.default_region) == ("main", "us-east-1")


def test_removing_one_in_use_says_who_uses_it(tenant, sign_in, account, cloud, make_resource):
    make_resource("web")
    client = sign_in(tenant.owner)
    response = client.post(page("delete", account), follow=True)
    assert "Still in use by: web" in markup(response)
    assert CloudAccount.objects.exists()


def test_removing_leads_to_the_list(tenant, sign_in, account, cloud):
    assert sign_in(tenant.owner).post(page("delete", account))["Location"] == LIST
    assert not CloudAccount.objects.exists()


def test_a_simulated_account_says_so_and_keeps_its_keys(tenant, sign_in, account_in, cloud):
    sandbox = account_in(tenant.organization, name="sandbox", is_sandbox=True)
    text = markup(sign_in(tenant.owner).get(page("detail", sandbox)))
    assert "A simulated cloud" in text
    assert "Replace keys" not in text
