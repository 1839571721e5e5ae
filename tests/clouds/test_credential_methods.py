"""Azure's and Google's credentials, and those without a key: what is wrong is said, never quoted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from clouds.credentials import METHODS, InvalidCredentials, clean_credentials, hint_of, method_of, offered_methods

CLIENT, TENANT, SUBSCRIPTION = (f"{n}f1e2d3c-0000-4000-8000-0123456789ab" for n in (1, 2, 3))
AZURE = {
    "client_id": CLIENT,
    "client_secret": "Abc8Q~aCanarySecretThatNobodyMaySee000",
    "tenant_id": TENANT,
    "subscription_id": SUBSCRIPTION,
}
PEM = (
    rsa.generate_private_key(65537, 2048)
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)
KEY_FILE = {
    "type": "service_account",
    "project_id": "my-project",
    "private_key_id": "0" * 40,
    "private_key": PEM,
    "client_email": "skyvend@my-project.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
    "universe_domain": "googleapis.com",
}
PASTED = json.dumps(KEY_FILE, indent=2)
ROLE = "arn:aws:iam::123456789012:role/team/skyvend"
POOL = "projects/123456789012/locations/global/workloadIdentityPools/skyvend"
FEDERATION = {
    "method": "oidc",
    "project_id": "my-project",
    "workload_identity_provider": f"{POOL}/providers/skyvend",
    "service_account_email": "skyvend@my-project.iam.gserviceaccount.com",
}
AZURE_OIDC = {"method": "oidc", **{name: value for name, value in AZURE.items() if name != "client_secret"}}


def problems(provider: str, raw: object) -> dict[str, str]:
    with pytest.raises(InvalidCredentials) as raised:
        clean_credentials(provider, raw)
    return {error.field.removeprefix("credentials."): error.detail for error in raised.value.errors}


def outcome(provider: str, raw: object) -> dict[str, str] | InvalidCredentials:
    try:
        return clean_credentials(provider, raw)
    except InvalidCredentials as error:
        return error


def test_the_first_method_of_each_provider_is_the_one_meant_without_a_name():
    assert {provider: methods[0].name for provider, methods in METHODS.items()} == {
        "aws": "keys", "azure": "client_secret", "gcp": "service_account_key",
    }  # fmt: skip
    assert clean_credentials("azure", AZURE) == AZURE
    assert clean_credentials("azure", {"method": "client_secret", **AZURE}) == AZURE
    assert method_of("azure").name == "client_secret"


@pytest.mark.parametrize(
    ("provider", "raw", "hint"),
    [
        ("aws", {"method": "oidc", "role_arn": ROLE}, "123456789012 skyvend"),
        ("azure", AZURE_OIDC, "1f1e…89ab"),
        ("gcp", FEDERATION, "skyvend@my-project.iam.gserviceaccount.com"),
    ],
)
def test_keyless_credentials_keep_their_method_and_hold_no_secret(provider, raw, hint):
    clean = clean_credentials(provider, raw)
    assert clean == raw
    assert hint_of(provider, clean) == hint
    assert method_of(provider, "oidc").is_keyless
    assert not [spec for spec in method_of(provider, "oidc").fields if spec.is_secret]


@pytest.mark.parametrize("method", ["saml", "OIDC", 5, ["oidc"], {"a": 1}, "x" * 1_000_000, "assume_role"])
def test_a_method_that_is_not_there_is_told_with_those_that_are(method):
    for provider in ("azure", "gcp"):
        assert problems(provider, {"method": method})["method"].startswith("There is no such method; there are: ")


def test_a_role_is_assumed_only_where_the_platform_has_a_user(settings):
    settings.SANDBOX_AWS_ENDPOINT = ""
    raw = {"method": "assume_role", "role_arn": ROLE}
    assert "PLATFORM_AWS_ACCESS_KEY_ID" in problems("aws", raw)["method"]
    assert [method.name for method in offered_methods("aws")] == ["keys", "oidc"]
    settings.PLATFORM_AWS_ACCESS_KEY_ID, settings.PLATFORM_AWS_PRINCIPAL = "AKIA", "arn:aws:iam::1:user/x"
    assert clean_credentials("aws", raw) == raw
    assert [method.name for method in offered_methods("aws")] == ["keys", "assume_role", "oidc"]


def test_a_role_of_the_platforms_own_account_is_never_assumed_for_a_tenant(settings):
    settings.PLATFORM_AWS_ACCESS_KEY_ID = "AKIA"
    settings.PLATFORM_AWS_PRINCIPAL = "arn:aws:iam::123456789012:user/platform"
    assert "the platform's own AWS account" in problems("aws", {"method": "assume_role", "role_arn": ROLE})["role_arn"]


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        ("", "Is required"),
        ("skyvend", "looks like arn:aws:iam::"),
        ("arn:aws:iam::123456789012:user/skyvend", "ARN of a user"),
        ("arn:aws:iam::aws:policy/AdministratorAccess", "looks like arn:aws:iam::"),
        ("arn:aws:iam::123456789012:policy/skyvend", "ARN of a policy"),
        ("arn:aws:iam::123456789012:oidc-provider/skyvend.example.com", "ARN of the identity provider"),
        ("arn:aws:sts::123456789012:assumed-role/skyvend/x", "ARN of a session of a role"),
        ("arn:aws:iam::12345678901:role/skyvend", "looks like arn:aws:iam::"),
        (f"{ROLE}\nmore", "looks like arn:aws:iam::"),
        (f"{ROLE}é", "looks like arn:aws:iam::"),
        ("x" * 1_000_000, "far too long"),
    ],
)
def test_what_is_no_role_is_told_apart(arn, words):
    assert words in problems("aws", {"method": "oidc", "role_arn": arn})["role_arn"]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"client_id": AZURE["client_secret"], "client_secret": CLIENT}, "client_id", "the two are swapped"),
        ({"client_secret": CLIENT}, "client_secret", "This is the secret's ID"),
        ({"tenant_id": "contoso.onmicrosoft.com"}, "tenant_id", "This is a domain's name"),
        ({"tenant_id": CLIENT}, "tenant_id", "the same ID as that of the application"),
        ({"subscription_id": TENANT.upper()}, "subscription_id", "the same ID as that of the directory"),
        ({"subscription_id": f"/subscriptions/{SUBSCRIPTION}"}, "subscription_id", "without /subscriptions/"),
        ({"tenant_id": TENANT[:-1]}, "tenant_id", "Must be an ID like"),
        ({"client_secret": ""}, "client_secret", "Is required"),
        ({"client_secret": "x" * 1_000_000}, "client_secret", "far too long"),
    ],
)
def test_azure_says_which_of_its_ids_is_wrong(changes, field, words):
    assert words in problems("azure", {**AZURE, **changes})[field]


@pytest.mark.parametrize("around", ["{}", "\ufeff{}", "\n\n{}\r\n ", "\u200b{}"])
def test_a_key_file_passes_however_it_was_pasted(around):
    clean = clean_credentials("gcp", {"service_account_key": around.format(PASTED)})
    assert json.loads(clean["service_account_key"]) == KEY_FILE
    assert hint_of("gcp", clean) == KEY_FILE["client_email"]


def with_changes(**changes: Any) -> str:
    kept = {**KEY_FILE, **changes}
    return json.dumps({name: value for name, value in kept.items() if value is not None})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PASTED[: len(PASTED) // 2], "it was cut off"),
        (PASTED[:-2], "it was cut off"),
        (PASTED[len(PASTED) // 2 :], "not valid JSON"),
        (PASTED.encode("utf-16-le").decode("latin-1"), "UTF-16"),
        ("[" * 19_000, "not valid JSON"),
        ('{"a":' * 3_900, "it was cut off"),
        ("null", "its type must be service_account"),
        (with_changes(type="authorized_user"), "its type must be service_account"),
        (with_changes(client_email=None), "is incomplete"),
        (with_changes(project_id=5), "is incomplete"),
        (with_changes(private_key=PEM[:800]), "private key in the file is damaged"),
        (with_changes(private_key="secret"), "private key in the file is damaged"),
        (with_changes(token_uri="http://169.254.169.254/"), "token_uri in the key file must be"),
        (with_changes(universe_domain="evil.example"), "universe_domain in the key file must be"),
        ("", "Is required"),
        ("x" * 1_000_000, "far too long"),
    ],
    ids=lambda value: "a file" if len(value) > 60 else None,  # the key in it is another one in every process
)
def test_what_is_no_key_file_is_told_apart(text, words):
    found = problems("gcp", {"service_account_key": text})["service_account_key"]
    assert words in found
    assert "169.254" not in found


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"project_id": "123456789012"}, "project_id", "the project's number"),
        ({"project_id": "My Project"}, "project_id", "6 to 30 small letters"),
        (
            {"workload_identity_provider": POOL.replace("123456789012", "my-project") + "/providers/skyvend"},
            "workload_identity_provider",
            "the project's number, not its ID",
        ),
        (
            {"workload_identity_provider": "projects/1/locations/global/workloadIdentityPools/skyvend"},
            "workload_identity_provider",
            "This is the pool",
        ),
        ({"workload_identity_provider": "http://10.0.0.1/x"}, "workload_identity_provider", "Looks like projects/"),
        ({"service_account_email": "somebody@example.com"}, "service_account_email", "looks like skyvend@"),
        ({"service_account_email": "a@b.gserviceaccount.com.evil.example"}, "service_account_email", "looks like"),
    ],
)  # fmt: skip
def test_google_says_which_name_is_wrong(changes, field, words):
    assert words in problems("gcp", {**FEDERATION, **changes})[field]


@pytest.mark.parametrize("prefix", ["//iam.googleapis.com/", "https://iam.googleapis.com/"])
def test_a_provider_is_taken_as_google_prints_it(prefix):
    name = FEDERATION["workload_identity_provider"]
    assert clean_credentials("gcp", {**FEDERATION, "workload_identity_provider": prefix + name}) == FEDERATION


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
NAMES = ["method", "role_arn", *AZURE, "service_account_key", *FEDERATION]


@given(provider=st.sampled_from(list(METHODS)), raw=st.dictionaries(st.sampled_from(NAMES), anything))
def test_no_input_crashes_it(provider, raw):
    found = outcome(provider, raw)
    assert isinstance(found, dict) or found.errors


@given(
    method=st.sampled_from(["client_secret", "oidc"]),
    secret=st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=60),
)
def test_no_error_quotes_a_value(method, secret):
    for provider, base in (("azure", AZURE), ("gcp", FEDERATION), ("aws", {"role_arn": ROLE})):
        for name in base:
            found = outcome(provider, {**base, "method": method, name: secret})
            assert isinstance(found, dict) or secret not in str(found)
