from __future__ import annotations

import uuid

import pytest

from clouds.models import CloudAccount
from clouds.providers import CloudUnreachable, CredentialsRefused

from .conftest import CREDENTIALS, NEW_CREDENTIALS, SECRET

URL = "/api/v1/cloud-accounts"
BODY = {"name": "production", "provider": "aws", "credentials": CREDENTIALS, "default_region": "eu-west-1"}


def test_connecting_answers_201_without_the_credentials(tenant, api, cloud):
    response = api(tenant.admin).post(URL, BODY)
    assert response.status_code == 201
    body = response.json()
    assert set(body) == {
        "id", "name", "provider", "default_region", "credential_method", "credential_hint", "is_sandbox", "status",
        "status_detail", "identity", "missing_permissions", "unchecked_permissions", "checked_at", "created_at",
    }  # fmt: skip
    assert (body["status"], body["credential_hint"]) == ("verified", "AKIA…MPLE")
    assert SECRET not in response.content.decode()
    assert CloudAccount.objects.get().organization == tenant.organization


def test_list_shows_the_own_accounts_only(tenant, stranger, api, account, account_in):
    account_in(stranger.organization, name="theirs")
    response = api(tenant.viewer).get(URL)
    assert response.status_code == 200
    assert [row["name"] for row in response.json()["results"]] == ["production"]
    assert SECRET not in response.content.decode()


def test_list_needs_as_many_queries_for_three_as_for_one(tenant, api, account_in, django_assert_max_num_queries):
    client = api(tenant.viewer)
    counts = []
    for names in (["a"], ["b", "c"]):
        for name in names:
            account_in(tenant.organization, name=name)
        with django_assert_max_num_queries(6) as context:
            client.get(URL)
        counts.append(len(context))
    assert counts[0] == counts[1]


def test_no_query_of_the_api_reads_the_sealed_column(tenant, api, account, django_assert_max_num_queries):
    with django_assert_max_num_queries(20) as context:
        api(tenant.viewer).get(URL)
        api(tenant.viewer).get(f"{URL}/{account.pk}")
    assert not [query for query in context.captured_queries if '"credentials"' in query["sql"]]


def test_a_stranger_gets_404_and_a_member_403(tenant, stranger, api, account, cloud):
    one = f"{URL}/{account.pk}"
    foreign = api(stranger)
    assert foreign.get(one).status_code == 404
    assert foreign.patch(one, {"name": "x"}).status_code == 404
    assert foreign.delete(one).status_code == 404
    assert foreign.post(f"{one}/verify").status_code == 404
    for role in ("member", "viewer"):
        client = api(getattr(tenant, role))
        assert client.get(one).status_code == 200
        assert client.post(URL, BODY).status_code == 403
        assert client.patch(one, {"name": "x"}).status_code == 403
        assert client.delete(one).status_code == 403
        assert client.post(f"{one}/verify").status_code == 403
    assert cloud.asked == []


def test_nobody_gets_401(client, db):
    assert client.get(URL).status_code == 401


def test_invalid_input_names_the_fields(tenant, api, cloud):
    body = {**BODY, "credentials": {"access_key_id": SECRET, "secret_access_key": CREDENTIALS["access_key_id"]}}
    response = api(tenant.admin).post(URL, body)
    assert response.status_code == 400
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [
        ("credentials.access_key_id", "swapped")
    ]
    assert SECRET not in response.content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"credentials": {**CREDENTIALS, "endpoint_url": "http://169.254.169.254"}},
        {"credentials": "text"},
        {"credentials": None},
        {"credentials": [1, [2, {"a": None}]]},
        {"provider": "azure"},
        {"provider": "nonsense"},
        {"name": ""},
        {"name": "a\x00b"},
        {"name": {"a": 1}},
        {"default_region": "mars-1"},
        {"default_region": 10**30},
    ],
)
def test_bad_bodies_are_400(tenant, api, cloud, changes):
    response = api(tenant.admin).post(URL, {**BODY, **changes})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert not CloudAccount.objects.exists()


def test_what_a_tenant_may_not_choose_is_ignored(tenant, api, cloud):
    body = {**BODY, "is_sandbox": True, "endpoint_url": "http://10.0.0.1", "status": "verified", "identity": "x"}
    response = api(tenant.admin).post(URL, body)
    assert response.status_code == 201
    assert response.json()["is_sandbox"] is False
    assert cloud.asked[0][0] == ""


def test_refused_credentials_are_400_in_words(tenant, api, cloud):
    cloud.error = CredentialsRefused("AWS does not know this access key ID.")
    response = api(tenant.admin).post(URL, BODY)
    assert response.status_code == 400
    body = response.json()
    assert (body["code"], body["detail"]) == ("credentials_refused", "AWS does not know this access key ID.")
    assert not CloudAccount.objects.exists()


def test_a_cloud_that_does_not_answer_is_503(tenant, api, cloud, account):
    cloud.error = CloudUnreachable("AWS could not be reached.")
    response = api(tenant.admin).post(f"{URL}/{account.pk}/verify")
    assert response.status_code == 503
    assert response["Retry-After"] == "30"


def test_verify_answers_what_was_found(tenant, api, cloud, account):
    cloud.missing = ["ec2:RunInstances"]
    response = api(tenant.admin).post(f"{URL}/{account.pk}/verify")
    assert response.status_code == 200
    body = response.json()
    assert body["status"] == "limited"
    assert body["missing_permissions"] == ["ec2:RunInstances"]
    assert body["identity"] == "arn:aws:iam::123456789012:user/skyvend"
    assert body["checked_at"]


def test_patch_changes_what_is_given(tenant, api, cloud, account):
    client = api(tenant.admin)
    response = client.patch(f"{URL}/{account.pk}", {"credentials": NEW_CREDENTIALS, "name": "main"})
    assert response.status_code == 200
    assert (response.json()["name"], response.json()["credential_hint"]) == ("main", "AKIA…0NEW")
    assert NEW_CREDENTIALS["secret_access_key"] not in response.content.decode()
    assert CloudAccount.objects.get().credentials == NEW_CREDENTIALS


def test_patch_is_all_or_nothing(tenant, api, cloud, account, account_in):
    account_in(tenant.organization, name="taken")
    response = api(tenant.admin).patch(f"{URL}/{account.pk}", {"credentials": NEW_CREDENTIALS, "name": "taken"})
    assert response.status_code == 400
    assert CloudAccount.objects.get(pk=account.pk).credentials == CREDENTIALS


def test_delete_answers_204_then_404(tenant, api, cloud, account):
    client = api(tenant.admin)
    assert client.delete(f"{URL}/{account.pk}").status_code == 204
    assert client.delete(f"{URL}/{account.pk}").status_code == 404


def test_delete_of_one_in_use_is_409_with_the_names(tenant, api, cloud, account, make_resource):
    make_resource("web")
    response = api(tenant.admin).delete(f"{URL}/{account.pk}")
    assert response.status_code == 409
    assert response.json()["resources"] == ["web"]
    assert "web" in response.json()["detail"]


@pytest.mark.parametrize("account_id", [uuid.uuid4(), "-" * 36, "nonsense", "1"])
def test_unknown_ids_are_404(tenant, api, account_id):
    assert api(tenant.admin).get(f"{URL}/{account_id}").status_code == 404


ROLE = {"method": "oidc", "role_arn": "arn:aws:iam::123456789012:role/skyvend"}


def test_a_keyless_account_is_drafted_trusted_and_connected(tenant, api, cloud):
    client = api(tenant.admin)
    drafted = client.get(f"{URL}/trust", {"provider": "aws", "method": "oidc"}).json()
    assert set(drafted) == {"draft", "issuer", "subject", "audience", "external_id", "policy", "commands"}
    assert client.get(f"{URL}/trust", {"draft": drafted["draft"]}).json() == drafted  # asked again, the same one
    response = client.post(URL, {**BODY, "credentials": ROLE, "draft": drafted["draft"]})
    assert response.status_code == 201
    body = response.json()
    assert drafted["subject"] == f"organization:{tenant.organization.pk}:account:{body['id']}:*"
    assert (body["credential_method"], body["credential_hint"]) == ("oidc", "123456789012 skyvend")
    known = client.get(f"{URL}/{body['id']}/trust").json()
    assert known == {name: value for name, value in drafted.items() if name != "draft"}
    again = client.post(URL, {**BODY, "name": "again", "credentials": ROLE, "draft": drafted["draft"]})
    assert [(error["field"], error["code"]) for error in again.json()["errors"]] == [("draft", "used")]


def test_trust_is_told_before_keys_are_replaced_by_it(tenant, api, account, cloud):
    client = api(tenant.admin)
    assert str(account.pk) in client.get(f"{URL}/{account.pk}/trust").json()["policy"]
    assert client.patch(f"{URL}/{account.pk}", {"credentials": ROLE}).json()["credential_method"] == "oidc"
    assert client.patch(f"{URL}/{account.pk}", {"credentials": CREDENTIALS}).json()["credential_method"] == "keys"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"method": "keys"}, "method"),
        ({"method": "x" * 25}, "method"),
        ({"provider": "oracle"}, "provider"),
        ({"draft": "nonsense"}, "draft"),
        ({"draft": "x" * 401}, "draft"),
    ],
)
def test_a_question_about_trust_that_makes_no_sense_is_400(tenant, api, query, field):
    response = api(tenant.admin).get(f"{URL}/trust", query)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_only_managers_ask_whom_to_trust(tenant, stranger, api, account):
    for role in ("member", "viewer"):
        assert api(getattr(tenant, role)).get(f"{URL}/trust").status_code == 403
        assert api(getattr(tenant, role)).get(f"{URL}/{account.pk}/trust").status_code == 403
    assert api(stranger).get(f"{URL}/{account.pk}/trust").status_code == 404
    theirs = api(stranger).get(f"{URL}/trust").json()["draft"]
    response = api(tenant.admin).get(f"{URL}/trust", {"draft": theirs})
    assert response.json()["errors"][0]["code"] == "invalid"


@pytest.mark.parametrize(
    "credentials",
    [
        {"method": "nonsense"},
        {"method": ["oidc"]},
        {"method": "oidc"},
        {"method": "oidc", "role_arn": "arn:aws:iam::123456789012:user/x"},
        {**ROLE, "external_id": "mine"},
        {**ROLE, "web_identity_token": "mine"},
        {**ROLE, "access_key_id": "AKIAIOSFODNN7EXAMPLE"},
        {"service_account_key": "[" * 19_000},
    ],
)
def test_bad_methods_are_400_and_ask_no_cloud(tenant, api, cloud, credentials):
    provider = "gcp" if "service_account_key" in credentials else "aws"
    response = api(tenant.admin).post(URL, {**BODY, "provider": provider, "credentials": credentials})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert cloud.asked == []
    assert not CloudAccount.objects.exists()
