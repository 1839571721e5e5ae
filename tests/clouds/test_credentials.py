from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clouds.credentials import InvalidCredentials, clean_credentials, hint_of

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEBYaD" * 10
GOOD = {"access_key_id": KEY_ID, "secret_access_key": SECRET}


def problems(**values: object) -> dict[str, str]:
    with pytest.raises(InvalidCredentials) as raised:
        clean_credentials("aws", {**GOOD, **values})
    return {error.field: error.detail for error in raised.value.errors}


def test_good_keys_pass_as_they_are():
    assert clean_credentials("aws", GOOD) == GOOD
    assert clean_credentials("aws", {**GOOD, "session_token": ""}) == GOOD


def test_the_names_that_other_tools_give_them_are_understood():
    assert clean_credentials("aws", {"aws_access_key_id": KEY_ID, "secret_key": SECRET}) == GOOD
    assert "access_key" in problems(access_key=KEY_ID)["credentials"]  # both names: not ours to choose


def test_temporary_keys_pass_with_their_token():
    temporary = {**GOOD, "access_key_id": "ASIAIOSFODNN7EXAMPLE", "session_token": TOKEN}
    assert clean_credentials("aws", temporary) == temporary


@pytest.mark.parametrize("around", [" {} ", "\n{}\r\n", "\ufeff{}", "\u200b{}\u200b", '"{}"', "'{}' ", "\t{}\xa0"])
def test_what_pasting_adds_is_taken_away(around):
    pasted = {name: around.format(value) for name, value in GOOD.items()}
    assert clean_credentials("aws", pasted) == GOOD


def test_swapped_fields_are_noticed():
    found = problems(access_key_id=SECRET, secret_access_key=KEY_ID)
    assert list(found) == ["credentials.access_key_id"]
    assert "swapped" in found["credentials.access_key_id"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "Is required"),
        (None, "Is required"),
        ("AIDAIOSFODNN7EXAMPLE", "ID of a user"),
        ("AROAIOSFODNN7EXAMPLE", "ID of a role"),
        (f"AWS_ACCESS_KEY_ID={KEY_ID}", "Paste only the value"),
        (f"{KEY_ID}\nmore", "Paste only the value"),
        ("AKIA123", "16 to 128"),
        (KEY_ID.lower(), "starts with AKIA"),
        (f"{KEY_ID[:-1]}é", "16 to 128"),
        ("A" * 1_000_000, "far too long"),
        (5, "Must be text"),
        (["a"], "Must be text"),
        ({"a": 1}, "Must be text"),
        (True, "Must be text"),
    ],
)
def test_wrong_access_key_ids_are_explained(value, words):
    found = problems(access_key_id=value)
    assert list(found) == ["credentials.access_key_id"]
    assert words in found["credentials.access_key_id"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "Is required"),
        (SECRET[:-1], "exactly 40 characters, this has 39"),
        (SECRET + "x", "this has 41"),
        (KEY_ID, "This is an access key ID"),
        ("é" * 40, "only letters, digits"),
        (SECRET[:-1] + "\x00", "only letters, digits"),
        ("x" * 1_000_000, "far too long"),
    ],
)
def test_wrong_secrets_are_explained_without_quoting_them(value, words):
    found = problems(secret_access_key=value)
    assert words in found["credentials.secret_access_key"]
    assert SECRET[:-1] not in str(found)


def test_session_tokens_belong_to_temporary_keys_only():
    assert "only together with" in problems(access_key_id="ASIAIOSFODNN7EXAMPLE")["credentials.session_token"]
    assert "leave this empty" in problems(session_token=TOKEN)["credentials.session_token"]
    odd = problems(access_key_id="ASIAIOSFODNN7EXAMPLE", session_token="not a token!")
    assert odd == {"credentials.session_token": "This is not a session token."}


@pytest.mark.parametrize("name", ["endpoint_url", "endpoint", "region", "role_arn", "Access_Key_Id", SECRET, 5])
def test_unknown_entries_are_refused(name):
    with pytest.raises(InvalidCredentials) as raised:
        clean_credentials("aws", {**GOOD, name: "http://169.254.169.254/"})
    (error,) = raised.value.errors
    assert (error.field, error.code) == ("credentials", "unknown")
    assert "169.254" not in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("raw", [None, "text", 5, [], [["access_key_id", KEY_ID]]])
def test_credentials_are_an_object(raw):
    with pytest.raises(InvalidCredentials, match="Must be an object"):
        clean_credentials("aws", raw)


@pytest.mark.parametrize("provider", ["", "oracle"])
def test_a_provider_that_is_not_offered_is_refused(provider):
    with pytest.raises(InvalidCredentials, match="not offered"):
        clean_credentials(provider, GOOD)


def test_all_problems_are_told_at_once():
    assert set(problems(access_key_id="x", secret_access_key="y")) == {
        "credentials.access_key_id",
        "credentials.secret_access_key",
    }


def test_hint_tells_keys_apart_and_no_more():
    assert hint_of("aws", GOOD) == "AKIA…MPLE"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def outcome(raw: object) -> dict[str, str] | InvalidCredentials:
    try:
        return clean_credentials("aws", raw)
    except InvalidCredentials as error:
        return error


@given(raw=anything | st.fixed_dictionaries({}, optional=dict.fromkeys([*GOOD, "session_token"], anything)))
def test_no_input_crashes_it(raw):
    found = outcome(raw)
    assert isinstance(found, dict) or found.errors


@given(secret=st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=60))
def test_no_error_quotes_a_value(secret):
    for name in [*GOOD, "session_token"]:
        found = outcome({**GOOD, name: secret})
        assert isinstance(found, dict) or secret not in str(found)
