"""Accounts without a stored key, through the services: each method, each cloud, nothing secret left behind."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from moto import mock_aws

from accounts.actors import Actor
from accounts.models import AuditEvent
from clouds import drafts, issuer, sandbox, services
from clouds.issuer import Purpose
from clouds.models import CloudAccount
from clouds.providers import CloudUnreachable, CredentialsRefused, aws_permissions, get_adapter
from tests.plugin import SimulatedCloud

from .conftest import CREDENTIALS

pytestmark = pytest.mark.django_db
ROLE = "arn:aws:iam::123456789012:role/skyvend"
RUN = Purpose(resource_id=uuid.UUID(int=7), run_id=uuid.UUID(int=8))
POOL = "projects/1/locations/global/workloadIdentityPools/skyvend/providers/skyvend"
PLATFORM_SECRET = "platform-secret-that-no-run-may-see-0000"


@pytest.fixture
def admin(tenant: Any, actor_for: Any) -> Actor:
    actor: Actor = actor_for(tenant.admin)
    return actor


@pytest.fixture
def moto_inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto in AWS's place; it has no policy simulator, so the probe goes its other way."""
    monkeypatch.setattr(aws_permissions, "_simulate", lambda *_: None)
    get_adapter.cache_clear()
    with mock_aws():
        yield


@pytest.fixture
def platform_user(settings: Any) -> None:
    settings.PLATFORM_AWS_ACCESS_KEY_ID = "AKIAPLATFORMPLATFORM"
    settings.PLATFORM_AWS_SECRET_ACCESS_KEY = PLATFORM_SECRET
    settings.PLATFORM_AWS_PRINCIPAL = "arn:aws:iam::111122223333:user/skyvend"


@pytest.fixture
def connect(admin: Actor) -> Callable[..., CloudAccount]:
    def make(provider: str, credentials: dict[str, Any], **changes: Any) -> CloudAccount:
        values = {"name": "keyless", "credentials": credentials, **changes}
        return services.connect_account(actor=admin, provider=provider, **values)

    return make


def claims_in(environment: services.RunnerEnvironment) -> dict[str, Any]:
    (token,) = environment.secret_files.values()
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_aws_lets_us_in_by_a_token_for_the_drafted_account(connect: Any, admin: Actor, moto_inside: None) -> None:
    draft = drafts.new(admin.organization)
    account = connect("aws", {"method": "oidc", "role_arn": ROLE}, draft=draft, default_region="eu-west-1")
    assert CloudAccount.objects.get().credentials == {"method": "oidc", "role_arn": ROLE}  # no secret in it
    assert (account.credential_method, account.is_keyless) == ("oidc", True)
    assert account.credential_hint == "123456789012 skyvend"
    assert account.identity == "arn:aws:sts::123456789012:assumed-role/skyvend/skyvend-verify"
    with pytest.raises(services.InvalidCredentials, match="already"):
        connect("aws", {"method": "oidc", "role_arn": ROLE}, name="again", draft=draft)

    environment = services.runner_environment(cloud_account_id=account.pk, region="eu-west-1", purpose=RUN)
    claims = claims_in(environment)
    assert claims["sub"] == (f"organization:{admin.organization.pk}:account:{account.pk}:resource:{RUN.resource_id}")
    assert (claims["aud"], claims["run"]) == ("sts.amazonaws.com", str(RUN.run_id))
    assert environment.variables["AWS_ROLE_SESSION_NAME"] == f"skyvend-{RUN.run_id}"
    assert "AWS_ACCESS_KEY_ID" not in environment.variables


def test_each_run_has_a_token_of_its_own(connect: Any, moto_inside: None) -> None:
    account = connect("aws", {"method": "oidc", "role_arn": ROLE})
    purposes = [RUN, Purpose(resource_id=RUN.resource_id, run_id=uuid.uuid4())]
    tokens = [
        services.runner_environment(cloud_account_id=account.pk, region="eu-west-1", purpose=each) for each in purposes
    ]
    assert [claims_in(each)["run"] for each in tokens] == [str(each.run_id) for each in purposes]


def test_aws_lets_the_platforms_user_assume_a_role(connect: Any, moto_inside: None, platform_user: None) -> None:
    account = connect("aws", {"method": "assume_role", "role_arn": ROLE})
    environment = services.runner_environment(cloud_account_id=account.pk, region="eu-west-1", purpose=RUN)
    assert environment.variables["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert environment.variables["AWS_SESSION_TOKEN"]
    assert PLATFORM_SECRET not in json.dumps(environment.variables)
    assert services.tagged_objects(cloud_account_id=account.pk, region="eu-west-1", tags={"a": "b"}) == []


def test_without_a_user_of_the_platform_no_role_is_assumed(connect: Any, moto_inside: None, settings: Any) -> None:
    with pytest.raises(services.InvalidCredentials, match="no AWS user of its own"):
        connect("aws", {"method": "assume_role", "role_arn": ROLE})
    settings.SANDBOX_AWS_ENDPOINT = "http://127.0.0.1:9"  # there is a simulated AWS, but this role is not in it
    with pytest.raises(services.CloudError, match="no AWS user of its own"):
        connect("aws", {"method": "assume_role", "role_arn": ROLE.replace("1234", "9999")})
    assert not CloudAccount.objects.exists()


def test_an_external_id_cannot_be_chosen(connect: Any, cloud: Any, platform_user: None) -> None:
    with pytest.raises(services.InvalidCredentials, match="Unknown entry"):
        connect("aws", {"method": "assume_role", "role_arn": ROLE, "external_id": "organization:other:account:x"})
    account = connect("aws", {"method": "assume_role", "role_arn": ROLE})
    (_, asked, _) = cloud.asked[-1]
    assert asked["external_id"] == f"organization:{account.organization_id}:account:{account.pk}"


@pytest.mark.parametrize("name", ["web_identity_token", "session_name", "platform_access_key_id"])
def test_nothing_that_is_ours_to_say_is_taken_from_a_tenant(connect: Any, cloud: Any, name: str) -> None:
    with pytest.raises(services.InvalidCredentials, match="Unknown entry"):
        connect("aws", {"method": "oidc", "role_arn": ROLE, name: "x"})
    assert cloud.asked == []


def test_keys_give_way_to_trust_and_back(admin: Actor, account: CloudAccount, cloud: Any) -> None:
    changed = services.replace_credentials(
        actor=admin, account=account, credentials={"method": "oidc", "role_arn": ROLE}
    )
    assert (changed.credential_method, changed.credential_hint) == ("oidc", "123456789012 skyvend")
    assert CloudAccount.objects.get().credentials == {"method": "oidc", "role_arn": ROLE}
    back = services.replace_credentials(actor=admin, account=changed, credentials=CREDENTIALS)
    assert (back.credential_method, back.is_keyless) == ("", False)
    events = AuditEvent.objects.filter(action="cloud_account.replace_credentials").order_by("created_at")
    assert [event.data["method"] for event in events] == ["oidc", ""]


def test_a_draft_of_another_organization_is_refused(connect: Any, stranger: Any, cloud: Any) -> None:
    with pytest.raises(services.InvalidCredentials) as raised:
        connect("aws", {"method": "oidc", "role_arn": ROLE}, draft=drafts.new(stranger.organization))
    assert raised.value.errors[0].field == "draft"
    assert cloud.asked == []


@pytest.fixture
def azure(azure_cloud: SimulatedCloud, settings: Any) -> SimulatedCloud:
    settings.SANDBOX_AZURE_ENDPOINT = azure_cloud.endpoint
    return azure_cloud


@pytest.fixture
def gcp(gcp_cloud: SimulatedCloud, settings: Any) -> SimulatedCloud:
    settings.SANDBOX_GCP_ENDPOINT = gcp_cloud.endpoint
    return gcp_cloud


def test_azure_lets_in_the_subject_that_was_pasted_and_no_other(connect: Any, admin: Actor, azure: Any) -> None:
    draft = drafts.new(admin.organization)
    subject = issuer.subject_of_account(admin.organization.pk, drafts.account_id(admin.organization, draft))
    made = azure.control("POST", "principals", {"subject": subject}).json()
    credentials = {"method": "oidc", **{name: made[name] for name in ("client_id", "tenant_id", "subscription_id")}}
    with pytest.raises(CredentialsRefused, match="no federated credential for this account's subject"):
        connect("azure", credentials, draft=drafts.new(admin.organization))
    assert not CloudAccount.objects.exists()

    account = connect("azure", credentials, draft=draft)
    assert account.is_sandbox
    assert made["subscription_id"] in account.identity
    environment = services.runner_environment(cloud_account_id=account.pk, region="westeurope", purpose=RUN)
    claims = claims_in(environment)
    assert (claims["sub"], claims["resource"]) == (subject, str(RUN.resource_id))
    assert "ARM_CLIENT_SECRET" not in environment.variables
    assert services.tagged_objects(
        cloud_account_id=account.pk, region="westeurope", tags={"skyvend-run": "x"}, purpose=RUN
    ) == []  # fmt: skip


def test_google_lets_in_what_begins_as_was_pasted_and_nothing_else(connect: Any, admin: Actor, gcp: Any) -> None:
    draft = drafts.new(admin.organization)
    beginning = issuer.subject_of_account(admin.organization.pk, drafts.account_id(admin.organization, draft))
    made = gcp.control("POST", "principals", {"subject": f"{beginning}:"}).json()
    key = json.loads(made["service_account_key"])
    credentials = {
        "method": "oidc",
        "project_id": key["project_id"],
        "service_account_email": key["client_email"],
        "workload_identity_provider": f"//iam.googleapis.com/{POOL}",  # as Google's console shows it
    }
    with pytest.raises(CredentialsRefused, match="may not act as this service account"):
        connect("gcp", credentials, draft=drafts.new(admin.organization))
    assert not CloudAccount.objects.exists()

    account = connect("gcp", credentials, draft=draft)
    assert CloudAccount.objects.get().credentials["workload_identity_provider"] == POOL
    environment = services.runner_environment(cloud_account_id=account.pk, region="europe-west1", purpose=RUN)
    claims = claims_in(environment)
    assert claims["sub"] == f"{beginning}:resource:{RUN.resource_id}"
    assert claims["aud"] == f"//iam.googleapis.com/{POOL}"
    assert "private_key" not in environment.variables["GOOGLE_CREDENTIALS"]


def test_a_simulated_account_may_be_keyless_too(connect: Any, moto: str, settings: Any) -> None:
    settings.SANDBOX_AWS_ENDPOINT = moto
    get_adapter.cache_clear()
    accounts = [connect("aws", {"method": method, "role_arn": ROLE}, name=method) for method in ("oidc", "assume_role")]
    assert [account.is_sandbox for account in accounts] == [True, True]
    assert {account.identity.split(":")[4] for account in accounts} == {sandbox.AWS_ACCOUNT}


def test_no_token_and_no_key_of_ours_is_seen_anywhere(
    connect: Any, tenant: Any, api: Any, sign_in: Any, moto_inside: None, platform_user: None, caplog: Any, capfd: Any,
    monkeypatch: Any,
) -> None:  # fmt: skip
    minted: list[str] = []
    mint = issuer.mint

    def noted(*arguments: Any, **named: Any) -> str:
        minted.append(mint(*arguments, **named))
        return minted[-1]

    monkeypatch.setattr(issuer, "mint", noted)
    for name in ("botocore", "boto3", "urllib3", "django", ""):
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        with caplog.at_level(logging.DEBUG):
            shown = []
            for method in ("oidc", "assume_role"):
                body = {"name": method, "provider": "aws", "credentials": {"method": method, "role_arn": ROLE}}
                shown.append(api(tenant.admin).post("/api/v1/cloud-accounts", body))
                account = CloudAccount.objects.defer("credentials").get(name=method)
                shown.append(api(tenant.admin).post(f"/api/v1/cloud-accounts/{account.pk}/verify"))
                shown.append(sign_in(tenant.admin).get(f"/cloud-accounts/{account.pk}/"))
                services.runner_environment(cloud_account_id=account.pk, region="eu-west-1", purpose=RUN)
                services.tagged_objects(
                    cloud_account_id=account.pk, region="eu-west-1", tags={"skyvend-run": "r"}, purpose=RUN
                )
    finally:
        for name in ("botocore", "boto3", "urllib3", "django"):
            logging.getLogger(name).setLevel(logging.WARNING)
    assert [answer.status_code for answer in shown] == [201, 200, 200] * 2
    assert len(minted) >= 4
    printed = capfd.readouterr()
    written = [*(answer.content.decode() for answer in shown), caplog.text, printed.out, printed.err]
    written += [f"{event} {event.data}" for event in AuditEvent.objects.all()]
    written.append(json.dumps(list(CloudAccount.objects.values_list("credentials", flat=True))))
    secrets = [PLATFORM_SECRET, *(token.rpartition(".")[2] for token in minted)]
    assert not [secret for secret in secrets if any(secret in text for text in written)]


def test_a_cloud_that_is_away_stores_nothing(connect: Any, settings: Any) -> None:
    settings.SANDBOX_AWS_ENDPOINT = "http://127.0.0.1:9"
    get_adapter.cache_clear()
    with pytest.raises(CloudUnreachable):
        connect("aws", {"method": "oidc", "role_arn": ROLE})
    assert not CloudAccount.objects.exists()
