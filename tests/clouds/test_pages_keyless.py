"""The pages of accounts, method by method: what they show to paste, what they take, what they refuse."""

from __future__ import annotations

import html
import json
import logging
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent
from clouds import drafts, issuer
from clouds.models import CloudAccount
from tests.plugin import SimulatedCloud

from .test_credential_methods import KEY_FILE, PASTED, ROLE

pytestmark = pytest.mark.django_db
NEW = "/cloud-accounts/new/"
CANARY = KEY_FILE["private_key"].splitlines()[3]


def markup(response: Any) -> str:
    text: str = response.content.decode()
    assert not re.search(r"\sstyle=|<script(?![^>]*\bsrc=)|\son[a-z]+=|hx-on", text)
    assert CANARY not in text
    return html.unescape(text)


def draft_in(text: str) -> str:
    (draft,) = re.findall(r'name="draft" value="([^"]+)"', text)
    return str(draft)


@pytest.fixture
def owner(tenant: Any, sign_in: Any, settings: Any) -> Client:
    settings.OIDC_ISSUER = "https://skyvend.example.com"
    client: Client = sign_in(tenant.owner)
    return client


@pytest.fixture
def google(gcp_cloud: SimulatedCloud, settings: Any) -> SimulatedCloud:
    settings.SANDBOX_GCP_ENDPOINT = gcp_cloud.endpoint
    return gcp_cloud


WAYS = [
    ("aws", "keys", "Create access key"),
    ("aws", "oidc", "Add provider"),
    ("azure", "client_secret", "New client secret"),
    ("azure", "oidc", "Federated credentials"),
    ("gcp", "service_account_key", "Create new key"),
    ("gcp", "oidc", "a pool of identities"),
]


@pytest.mark.parametrize(("provider", "method", "step"), WAYS)
def test_each_way_has_its_steps_and_marks_where_one_is(owner: Client, provider: str, method: str, step: str) -> None:
    text = markup(owner.get(f"{NEW}?provider={provider}&method={method}"))
    assert step in text
    assert ("What your cloud must trust" in text) == (method == "oidc")
    assert re.search(rf'method={method}"\s+aria-current="true"', text)


@pytest.mark.parametrize("query", ["?provider=nonsense&method=nonsense", "?method=assume_role", "?provider=azure"])
def test_a_way_that_is_not_offered_leads_to_the_usual_one(owner: Client, query: str, settings: Any) -> None:
    settings.SANDBOX_AWS_ENDPOINT = ""
    text = markup(owner.get(NEW + query))
    assert "What your cloud must trust" not in text


def test_the_role_to_assume_is_offered_where_the_platform_has_a_user(owner: Client, settings: Any) -> None:
    settings.PLATFORM_AWS_ACCESS_KEY_ID = "AKIAPLATFORM"
    settings.PLATFORM_AWS_PRINCIPAL = "arn:aws:iam::111122223333:user/skyvend"
    text = markup(owner.get(f"{NEW}?provider=aws&method=assume_role"))
    assert '"sts:ExternalId": "organization:' in text
    assert "arn:aws:iam::111122223333:user/skyvend" in text


def test_the_policy_stays_the_same_until_the_account_is_connected_and_then_is_another(
    owner: Client, tenant: Any, cloud: Any
) -> None:
    first = draft_in(markup(owner.get(f"{NEW}?method=oidc")))
    assert draft_in(markup(owner.get(f"{NEW}?provider=azure&method=oidc"))) == first
    account_id = drafts.account_id(tenant.organization, first)
    assert issuer.subject_of_account(tenant.organization.pk, account_id) in markup(owner.get(f"{NEW}?method=oidc"))

    answer = owner.post(f"{NEW}?method=oidc", {"name": "prod", "role_arn": ROLE, "draft": first})
    assert answer["Location"] == reverse("clouds:account-detail", args=[account_id])
    assert CloudAccount.objects.get().pk == account_id

    second = draft_in(markup(owner.get(f"{NEW}?method=oidc")))
    assert second != first
    again = owner.post(f"{NEW}?method=oidc", {"name": "other", "role_arn": ROLE, "draft": first})
    assert again.status_code == 422
    text = markup(again)
    assert "An account was connected with this draft already" in text
    assert draft_in(text) == second  # sent again, it works
    assert f'value="{ROLE}"' in text  # and nothing of it was secret: it need not be entered again


def test_a_draft_of_somebody_else_is_refused(owner: Client, stranger: Any, cloud: Any) -> None:
    theirs = drafts.new(stranger.organization)
    answer = owner.post(f"{NEW}?method=oidc", {"name": "prod", "role_arn": ROLE, "draft": theirs})
    assert answer.status_code == 422
    assert "not a draft of your organization" in markup(answer)
    assert cloud.asked == []


def test_the_account_says_how_it_is_let_in_and_what_to_trust(
    owner: Client, tenant: Any, sign_in: Any, account_in: Any
) -> None:
    account = account_in(tenant.organization, credential_method="oidc", credential_hint="123456789012 skyvend")
    page = reverse("clouds:account-detail", args=[account.pk])
    subject = issuer.subject_of_account(tenant.organization.pk, account.pk)
    text = markup(owner.get(page))
    assert "Key-less (OIDC)" in text
    assert f'"skyvend.example.com:sub": "{subject}:*"' in text
    seen = markup(sign_in(tenant.viewer).get(page))
    assert "Key-less (OIDC)" in seen
    assert subject not in seen
    assert "key-less" in markup(owner.get("/cloud-accounts/"))


def test_a_platform_that_clouds_cannot_reach_says_so(owner: Client, settings: Any) -> None:
    assert "over https" not in markup(owner.get(f"{NEW}?method=oidc"))
    settings.OIDC_ISSUER = "http://localhost:8000"
    assert "over https" in markup(owner.get(f"{NEW}?method=oidc"))


def test_keys_are_replaced_by_trust(owner: Client, account: CloudAccount, cloud: Any) -> None:
    page = reverse("clouds:account-credentials", args=[account.pk])
    assert str(account.pk) in markup(owner.get(f"{page}?method=oidc"))
    answer = owner.post(f"{page}?method=oidc", {"role_arn": ROLE})
    assert answer.status_code == 302
    assert CloudAccount.objects.get().credential_method == "oidc"


def posted(client: Client, **fields: Any) -> Any:
    return client.post(f"{NEW}?provider=gcp&method=service_account_key", {"name": "google", **fields})


def uploaded(data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("key.json", data, "application/json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_key_file_is_uploaded_as_an_editor_saved_it(owner: Client, google: SimulatedCloud, encoding: str) -> None:
    key = google.control("POST", "principals", {}).json()["service_account_key"]
    answer = posted(owner, service_account_key_file=uploaded(key.encode(encoding)))
    assert answer.status_code == 302, markup(answer)
    assert json.loads(CloudAccount.objects.get().credentials["service_account_key"]) == json.loads(key)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"service_account_key_file": uploaded(PASTED.encode()[:1200])}, "it was cut off"),
        ({"service_account_key_file": uploaded(b"\xff\xfe\x00\xd8" + PASTED.encode())}, "This file is not text"),
        ({"service_account_key_file": uploaded(b"\x89PNG\r\n\x1a\n" + b"\x00" * 100)}, "This file is not text"),
        ({"service_account_key_file": uploaded(PASTED.encode() * 500)}, "far too large"),
        ({"service_account_key_file": uploaded(PASTED.encode() * 10)}, "far too long"),
        ({"service_account_key_file": uploaded(b"")}, "Is required"),
        ({"service_account_key_file": uploaded(PASTED.encode()), "service_account_key": PASTED}, "not both"),
        ({"service_account_key": PASTED[:1200]}, "it was cut off"),
        ({"service_account_key": PASTED + "x" * 1_000_000}, "far too long"),
        ({}, "Paste it, or choose its file"),
    ],
)  # fmt: skip
def test_a_bad_key_file_is_refused_with_what_is_wrong_and_leaves_no_trace(
    owner: Client, caplog: Any, fields: dict[str, Any], words: str
) -> None:
    for value in fields.values():
        if isinstance(value, SimpleUploadedFile):
            value.seek(0)
    with caplog.at_level(logging.DEBUG):
        answer = posted(owner, **fields)
    assert answer.status_code == 422
    assert words in markup(answer)
    assert not CloudAccount.objects.exists()
    assert not AuditEvent.objects.filter(action__startswith="cloud_account").exists()
    assert CANARY not in caplog.text
    session = json.dumps(dict(owner.session.items()))
    assert CANARY not in session


def test_an_upload_beyond_every_limit_is_refused_too(owner: Client) -> None:
    answer = posted(owner, service_account_key_file=uploaded(b"x" * 8_000_000))
    assert answer.status_code == 422
    assert "far too large" in markup(answer)


def test_what_is_uploaded_never_lies_on_the_disk(owner: Client, monkeypatch: Any) -> None:
    written: list[str] = []
    monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda *a, **k: written.append("file"))
    posted(owner, service_account_key_file=uploaded(b"x" * 4_000_000))
    assert written == []
