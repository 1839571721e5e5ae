"""Runs inside the platform's environment: makes the tenant that the bench orders as, and counts queries."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# ruff: noqa: E402  - models must be loaded first
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.actors import Actor, member_actor
from accounts.models import Membership, Organization, Role, User
from accounts.services import issue_token
from billing import services as billing
from clouds.models import CloudAccount, CloudAccountStatus, Provider
from provisioning.models import Resource, ResourceStatus
from provisioning.services import current_version

CREDIT = Decimal(100_000_000)


def make(name: str, resources: int = 0) -> dict[str, str]:
    """A tenant with credit, a verified cloud account, an API token and ``resources`` active resources."""
    organization = Organization.objects.create(name=name, slug=name)
    user = User.objects.create_user(f"{name}@bench.test", "correct-horse-battery")
    membership = Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
    actor = member_actor(user, membership)
    billing.top_up(organization=organization, amount=CREDIT, reference="bench", actor=actor)
    account = CloudAccount.objects.create(
        organization=organization,
        provider=Provider.AWS,
        name="bench",
        status=CloudAccountStatus.VERIFIED,
        credentials={"access_key_id": "AKIABENCH", "secret_access_key": "not-a-real-key"},
    )
    _, token = issue_token(actor=actor, name="bench", role=Role.OWNER, expires_at=None)
    _fill(actor, account, resources)
    return {"token": token, "cloud_account": str(account.pk)}


def _fill(actor: Actor, account: CloudAccount, count: int) -> None:
    version = current_version("aws/bucket")
    assert version is not None
    now = timezone.now()
    rows = (
        Resource(
            organization=account.organization,
            name=f"bucket-{number}",
            offering_version=version,
            cloud_account=account,
            provider=account.provider,
            kind="bucket",
            region="eu-west-1",
            inputs={"region": "eu-west-1"},
            status=ResourceStatus.ACTIVE,
            hourly_cost=Decimal("0.0001"),
            monthly_cost=Decimal("0.073"),
            created_by=actor.user,
            created_at=now - timedelta(seconds=number),
        )
        for number in range(count)
    )
    Resource.objects.bulk_create(rows, batch_size=1000)


def count_queries(token: str) -> dict[str, int]:
    """How many queries the first page of the resource list costs."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    client.get("/api/v1/resources")  # what is read once per process
    with CaptureQueriesContext(connection) as captured:
        answer = client.get("/api/v1/resources")
    return {"status": answer.status_code, "queries": len(captured), "count": answer.json()["count"]}


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    found = make(rest[0], int(rest[1])) if verb == "make" else count_queries(rest[0])
    print(json.dumps(found))
