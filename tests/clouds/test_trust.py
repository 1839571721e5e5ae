"""What is pasted into a cloud lets in this account's tokens, and nobody else's."""

from __future__ import annotations

import json
import re
import uuid
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import time_machine
from django.core import signing
from django.utils import timezone

from clouds import drafts, issuer, trust
from clouds.credentials import InvalidCredentials
from clouds.issuer import Purpose
from clouds.models import CloudAccount

pytestmark = pytest.mark.django_db
RUN = Purpose(resource_id=uuid.UUID(int=7), run_id=uuid.UUID(int=8))
POOL = "projects/1/locations/global/workloadIdentityPools/skyvend/providers/skyvend"


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.OIDC_ISSUER = "https://skyvend.example.com/base"


@pytest.fixture
def pair(tenant: Any, account_in: Any) -> Any:
    """Two accounts of one organization."""

    def make(provider: str, method: str = "oidc") -> SimpleNamespace:
        fields = {"provider": provider, "credential_method": method}
        return SimpleNamespace(
            own=account_in(tenant.organization, name="own", **fields),
            other=account_in(tenant.organization, name="other", **fields),
        )

    return make


def claims_of(account: CloudAccount, purpose: Purpose = RUN) -> dict[str, Any]:
    token = issuer.mint(account, purpose, workload_identity_provider=POOL)
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_aws_trusts_every_token_of_this_account_and_of_no_other(pair: Any) -> None:
    accounts = pair("aws")
    wanted = trust.trust_of(accounts.own)
    (statement,) = json.loads(wanted.policy)["Statement"]
    host = "skyvend.example.com/base"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::YOUR-ACCOUNT-ID:oidc-provider/{host}"}
    assert statement["Condition"]["StringEquals"] == {f"{host}:aud": claims_of(accounts.own)["aud"]}
    pattern = statement["Condition"]["StringLike"][f"{host}:sub"]
    for purpose in (RUN, Purpose()):
        assert fnmatchcase(claims_of(accounts.own, purpose)["sub"], pattern)
        assert not fnmatchcase(claims_of(accounts.other, purpose)["sub"], pattern)
    assert "--url https://skyvend.example.com/base --client-id-list sts.amazonaws.com" in wanted.commands
    assert "--max-session-duration 4320" in wanted.commands


def test_a_role_to_assume_asks_for_an_external_id_that_only_this_account_has(pair: Any, settings: Any) -> None:
    settings.PLATFORM_AWS_PRINCIPAL = "arn:aws:iam::111122223333:user/skyvend-platform"
    accounts = pair("aws", "assume_role")
    own, other = (trust.trust_of(account) for account in (accounts.own, accounts.other))
    (statement,) = json.loads(own.policy)["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:user/skyvend-platform"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": own.external_id}}
    assert own.external_id != other.external_id
    assert re.fullmatch(r"[\w+=,.@:/-]{2,1224}", own.external_id)  # what STS takes


def test_azure_trusts_exactly_this_accounts_subject(pair: Any) -> None:
    accounts = pair("azure")
    credential = json.loads(trust.trust_of(accounts.own).policy)
    for purpose in (RUN, Purpose()):
        assert claims_of(accounts.own, purpose)["sub"] == credential["subject"]
        assert claims_of(accounts.other, purpose)["sub"] != credential["subject"]
    assert credential["audiences"] == [claims_of(accounts.own)["aud"]]
    assert credential["issuer"] == "https://skyvend.example.com/base"
    assert re.fullmatch(r"[A-Za-z0-9-]{3,120}", credential["name"])


def test_google_trusts_the_beginning_of_this_accounts_subject(pair: Any) -> None:
    accounts = pair("gcp")
    policy = trust.trust_of(accounts.own).policy
    (beginning,) = re.findall(r'assertion\.sub\.startsWith\("([^"]+)"\)', policy)
    for purpose in (RUN, Purpose()):
        assert claims_of(accounts.own, purpose)["sub"].startswith(beginning)
        assert not claims_of(accounts.other, purpose)["sub"].startswith(beginning)
    assert "google.subject=assertion.account" in policy  # Google takes at most 127 bytes
    assert policy.endswith(f"/workloadIdentityPools/skyvend/subject/{claims_of(accounts.own)['account']}'")
    for name in re.findall(r"attribute\.\w+=assertion\.(\w+)", policy):
        assert name in claims_of(accounts.own)


@pytest.mark.parametrize(
    ("provider", "method"), [("aws", "keys"), ("aws", ""), ("azure", "client_secret"), ("gcp", "service_account_key")]
)
def test_keys_need_nobodys_trust(tenant: Any, provider: str, method: str) -> None:
    assert trust.trust(provider, method, tenant.organization.pk, uuid.uuid4()) is None


def test_a_draft_is_good_for_its_organization_only(tenant: Any, stranger: Any) -> None:
    draft = drafts.new(tenant.organization)
    assert drafts.account_id(tenant.organization, draft) == drafts.account_id(tenant.organization, draft)
    with pytest.raises(InvalidCredentials, match="not a draft of your organization"):
        drafts.account_id(stranger.organization, draft)


@pytest.mark.parametrize(
    "draft",
    ["", "nonsense", signing.dumps(["a", "b"], salt="other"), "x" * 1000, "é:\x00:ü"],
    ids=["empty", "nonsense", "signed for something else", "long", "unreadable"],
)
def test_nobody_makes_a_draft_but_the_platform(tenant: Any, draft: str) -> None:
    with pytest.raises(InvalidCredentials, match="not a draft of ours"):
        drafts.account_id(tenant.organization, draft)


def test_a_draft_ends_and_is_used_once(tenant: Any, account: CloudAccount) -> None:
    draft = drafts.new(tenant.organization)
    with time_machine.travel(timezone.now() + drafts.LASTS * 1.1), pytest.raises(InvalidCredentials, match="older"):
        drafts.account_id(tenant.organization, draft)
    used = signing.dumps([str(tenant.organization.pk), str(account.pk)], salt=drafts.SALT)
    with pytest.raises(InvalidCredentials, match="already"):
        drafts.account_id(tenant.organization, used)
