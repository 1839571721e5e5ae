"""Signing in: what is read, what is sent, what is refused."""

import base64
import json
from pathlib import Path

import pytest

from sandbox.standin.cloud import Refusal
from sandbox.standin.provider import SIMULATED, Provider
from tests.sandbox.standin.conftest import SIGNED_IN, SUBSCRIPTION, Workspace
from tests.sandbox.standin.fake import FakeCloud

FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
    "credential_source": {"file": "token.jwt"},
}


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch, cloud: FakeCloud) -> Provider:
    for name, value in {**SIGNED_IN, "SKYVEND_SIMULATED_CLOUD": cloud.endpoint}.items():
        monkeypatch.setenv(name, value)
    return Provider("azurerm")


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch, cloud: FakeCloud) -> Provider:
    monkeypatch.setenv("SKYVEND_SIMULATED_CLOUD", cloud.endpoint)
    return Provider("google")


def test_azure_signs_in_with_the_secret_of_the_environment(azure: Provider, cloud: FakeCloud) -> None:
    assert azure.configure({}) == [SIMULATED]
    method, path, form = cloud.bodies[0]
    assert (method, path) == ("POST", f"/{SIGNED_IN['ARM_TENANT_ID']}/oauth2/v2.0/token")
    assert (form["client_id"], form["client_secret"]) == ([SIGNED_IN["ARM_CLIENT_ID"]], ["a-secret"])
    assert azure.scope == {"subscription_id": SUBSCRIPTION}


def test_azure_signs_in_with_a_token_file(
    azure: Provider, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "oidc").write_text("a.signed.token")
    monkeypatch.setenv("ARM_USE_OIDC", "true")
    monkeypatch.setenv("ARM_OIDC_TOKEN_FILE_PATH", str(tmp_path / "oidc"))
    azure.configure({})
    form = cloud.bodies[0][2]
    assert form["client_assertion"] == ["a.signed.token"]
    assert "client_secret" not in form


def test_a_wrong_secret_is_told_in_azures_words(azure: Provider, cloud: FakeCloud) -> None:
    cloud.faults["token"] = (401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret"})
    with pytest.raises(Refusal, match=r"HTTP status 401 .*AADSTS7000215") as refused:
        azure.configure({})
    assert "a-secret" not in refused.value.message


def test_a_missing_subscription_is_named(azure: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARM_SUBSCRIPTION_ID")
    assert azure.configure({})[0].summary.startswith("`subscription_id` is a required provider property")


@pytest.mark.parametrize("url", ["", "https://management.azure.com", "http://10.0.0.1:80", "http://127.0.0.1"])
def test_only_a_simulated_cloud_on_this_machine_is_used(
    azure: Provider, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SKYVEND_SIMULATED_CLOUD", url)
    with pytest.raises(Refusal, match="works only with a simulated cloud on this machine"):
        azure.configure({})


def test_google_signs_an_assertion_with_the_key(google: Provider, cloud: FakeCloud, google_key: str) -> None:
    key = json.loads(google_key) | {"token_uri": f"{cloud.endpoint}/token"}
    google.configure({"credentials": json.dumps(key), "project": "skyvend-sandbox-1"})
    assert cloud.bodies == []
    assert google.cloud.bearer() == "t-1"
    claims = cloud.bodies[0][2]["assertion"][0].split(".")[1]
    signed = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (signed["iss"], signed["aud"]) == (key["client_email"], key["token_uri"])


def test_a_key_of_the_real_google_is_not_used(google: Provider, google_key: str) -> None:
    key = json.loads(google_key) | {"token_uri": "https://oauth2.googleapis.com/token"}
    google.configure({"credentials": json.dumps(key)})
    with pytest.raises(Refusal, match="belongs to a real cloud"):
        google.cloud.bearer()


def test_google_exchanges_a_token_file(
    google: Provider, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("token.jwt").write_text("a.signed.token\n")
    google.configure({"credentials": json.dumps(FEDERATED)})
    google.cloud.bearer()
    _, path, form = cloud.bodies[0]
    assert (path, form["subject_token"]) == ("/sts/v1/token", ["a.signed.token"])


@pytest.mark.parametrize("text", ['{"type": "authorized_user"}', "{", "no such file"])
def test_other_google_credentials_are_not_valid(google: Provider, text: str) -> None:
    try:
        said = google.check_config({"credentials": text})[0].summary
    except Refusal as refused:
        said = refused.message

    assert said.startswith("JSON credentials are not valid") or "reading token file" in said


def test_a_long_temporary_folder_does_not_hinder_the_handshake(workspace: Workspace, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    workspace.environment["TMPDIR"] = str(deep)
    workspace.write('resource "azurerm_resource_group" "a" {\n  name     = "a"\n  location = "eastus"\n}\n')
    assert workspace.run("validate").returncode == 0
