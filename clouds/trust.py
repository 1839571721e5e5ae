"""What a tenant pastes into their cloud so that it lets the platform in without a key, per provider and method.

Sources: IAM user guide, "Create an OIDC identity provider", "Available keys for AWS OIDC federation", "The confused
deputy problem"; Microsoft Entra, "Create a trust relationship"; Google, "Configure workload identity federation with
other identity providers", where ``google.subject`` has at most 127 bytes and so is the account, not our subject.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from . import issuer, sandbox
from .credentials import ASSUME_ROLE, OIDC
from .models import CloudAccount, Provider

ACCOUNT, PROJECT, NUMBER = "YOUR-ACCOUNT-ID", "YOUR-PROJECT-ID", "YOUR-PROJECT-NUMBER"  # to be replaced by the reader
SANDBOX_PRINCIPAL = f"arn:aws:iam::{sandbox.AWS_ACCOUNT}:user/platform"
MOST_ROLE_SECONDS = 43_200  # twelve hours, IAM's longest session of a role


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the other side shall trust, and that in its own words."""

    issuer: str
    subject: str  # AWS and Google compare its beginning: a resource follows
    audience: str
    external_id: str  # for a role that the platform's user assumes
    policy: str  # the document itself
    commands: str  # that put it to work


@dataclass(frozen=True, slots=True)
class _Party:
    beginning: str  # of every subject in this account
    account_id: UUID


def trust(provider: str, method: str, organization_id: UUID, account_id: UUID) -> Trust | None:
    """For a new or an existing account; None where the method needs nobody's trust."""
    making = MAKERS.get((Provider(provider), method))
    return making(_Party(issuer.subject_of_account(organization_id, account_id), account_id)) if making else None


def trust_of(account: CloudAccount) -> Trust | None:
    return trust(account.provider, account.credential_method, account.organization_id, account.pk)


def _aws_oidc(party: _Party) -> Trust:
    audience, host = issuer.audience(Provider.AWS), issuer.issuer().partition("://")[2]
    policy = _role_policy(
        {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
        "sts:AssumeRoleWithWebIdentity",
        {"StringEquals": {f"{host}:aud": audience}, "StringLike": {f"{host}:sub": f"{party.beginning}:*"}},
    )
    provider = f"aws iam create-open-id-connect-provider --url {issuer.issuer()} --client-id-list {audience}"
    return Trust(issuer.issuer(), f"{party.beginning}:*", audience, "", policy, f"{provider}\n{_role_commands()}")


def _aws_role(party: _Party) -> Trust:
    principal = settings.PLATFORM_AWS_PRINCIPAL or SANDBOX_PRINCIPAL
    policy = _role_policy({"AWS": principal}, "sts:AssumeRole", {"StringEquals": {"sts:ExternalId": party.beginning}})
    return Trust("", "", "", party.beginning, policy, _role_commands())


def _role_policy(principal: dict[str, str], action: str, condition: dict[str, dict[str, str]]) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def _role_commands() -> str:
    seconds = max(3600, min(issuer.run_seconds(), MOST_ROLE_SECONDS))
    return "\n".join([
        "aws iam create-role --role-name skyvend --assume-role-policy-document file://trust.json \\",
        f"  --max-session-duration {seconds}",
        "aws iam put-role-policy --role-name skyvend --policy-name skyvend \\",
        "  --policy-document file://permissions.json",
    ])  # fmt: skip


def _azure_oidc(party: _Party) -> Trust:
    audience = issuer.audience(Provider.AZURE)
    policy = json.dumps(
        {
            "name": f"skyvend-{party.account_id}",
            "issuer": issuer.issuer(),
            "subject": party.beginning,
            "audiences": [audience],
            "description": "Lets Skyvend in, for one of its cloud accounts.",
        },
        indent=2,
    )
    commands = "az ad app federated-credential create --id YOUR-CLIENT-ID --parameters @trust.json"
    return Trust(issuer.issuer(), party.beginning, audience, "", policy, commands)


def _gcp_oidc(party: _Party) -> Trust:
    pool = f"projects/{NUMBER}/locations/global/workloadIdentityPools/skyvend"
    name = f"skyvend-{party.account_id.hex[:8]}"
    condition = f'assertion.sub.startsWith("{party.beginning}:")'
    mapping = (
        "google.subject=assertion.account,attribute.organization=assertion.organization,"
        "attribute.resource=assertion.resource,attribute.run=assertion.run"
    )
    policy = "\n".join([
        f"gcloud iam workload-identity-pools providers create-oidc {name} \\",
        f"  --project={PROJECT} --location=global --workload-identity-pool=skyvend \\",
        f"  --issuer-uri={issuer.issuer()} \\",
        f"  --attribute-mapping='{mapping}' \\",
        f"  --attribute-condition='{condition}'",
        "",
        "gcloud iam service-accounts add-iam-policy-binding \\",
        f"  skyvend@{PROJECT}.iam.gserviceaccount.com --project={PROJECT} \\",
        "  --role=roles/iam.workloadIdentityUser \\",
        f"  --member='principal://iam.googleapis.com/{pool}/subject/{party.account_id}'",
    ])  # fmt: skip
    commands = "\n".join([
        f"gcloud services enable iamcredentials.googleapis.com sts.googleapis.com --project={PROJECT}",
        f"gcloud iam service-accounts create skyvend --project={PROJECT}",
        f"gcloud iam roles create skyvend --project={PROJECT} --file=permissions.yaml",
        f"gcloud projects add-iam-policy-binding {PROJECT} --role=projects/{PROJECT}/roles/skyvend \\",
        f"  --member=serviceAccount:skyvend@{PROJECT}.iam.gserviceaccount.com",
        f"gcloud iam workload-identity-pools create skyvend --project={PROJECT} --location=global",
    ])  # fmt: skip
    audience = issuer.audience(Provider.GCP, f"{pool}/providers/{name}")
    return Trust(issuer.issuer(), f"{party.beginning}:*", audience, "", policy, commands)


MAKERS: dict[tuple[Provider, str], Callable[[_Party], Trust]] = {
    (Provider.AWS, OIDC): _aws_oidc,
    (Provider.AWS, ASSUME_ROLE): _aws_role,
    (Provider.AZURE, OIDC): _azure_oidc,
    (Provider.GCP, OIDC): _gcp_oidc,
}
