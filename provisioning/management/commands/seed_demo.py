"""``manage.py seed_demo``: a demo tenant with credit, a simulated cloud and one VM on its way. For trials only."""

import json
import os
from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from accounts.actors import Actor, member_actor, system_actor
from accounts.credentials import digest_of
from accounts.models import ApiToken, Organization, Role, User
from accounts.origins import RequestMeta
from accounts.services import issue_token, register
from billing.services import top_up
from clouds import sandbox
from clouds.models import CloudAccount, Offering, Provider
from clouds.services import CloudUnreachable, connect_sandbox_account
from provisioning.models import Run
from provisioning.services import request_resource

SLUG, HISTORY, OPERATOR = "demo", "history", "operator@skyvend.test"  # owners: demo@..., history@skyvend.test
CREDIT = Decimal(500)  # USD
SIMULATED = {Provider.AZURE: "Simulated Azure", Provider.GCP: "Simulated Google Cloud"}  # besides AWS
VM = {"size": "small", "image": "ubuntu-24.04"}


class Command(BaseCommand):
    help = "Seed the demo tenant once; safe to run at every start. Passwords: DEMO_PASSWORD, OPERATOR_PASSWORD."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--facts", type=Path, required=True, help="where to keep the demo token (0600)")
        parser.add_argument("--history-days", type=int, default=0, help="a second tenant with so long a past")

    def handle(self, *args: Any, facts: Path, history_days: int, **options: Any) -> None:
        if not settings.TRIAL:
            raise CommandError("seed_demo is for trials: set TRIAL=1.")
        actor = _owner(SLUG)
        _operator(os.environ["OPERATOR_PASSWORD"])
        assert actor.organization is not None
        _credit(actor.organization)
        account = _connect(actor.organization, Provider.AWS, "Simulated AWS")
        for provider, name in SIMULATED.items():
            if sandbox.has_endpoint(provider):
                _connect(actor.organization, provider, name)
        kept = json.loads(facts.read_text()) if facts.exists() else {}
        described = _describe(actor.organization, _token(actor, kept))
        if history_days or "history" in kept:
            described["history"] = _history(kept.get("history", {}), history_days)
        _write_private(facts, json.dumps(described))
        run = _order_vm(actor, account)
        self.stdout.write(f"Demo tenant {actor.organization.slug}: VM {run.resource.name} is {run.resource.status}.")


def _connect(organization: Organization, provider: Provider, name: str) -> CloudAccount:
    try:
        return connect_sandbox_account(organization=organization, provider=provider, name=name)
    except CloudUnreachable as error:
        raise CommandError(f"{name} does not answer: {error}") from error


def _history(kept: dict[str, str], days: int) -> dict[str, str]:
    """The tenant with a past, whose owner has the demo's password. With ``days`` 0, as an earlier start left it."""
    actor = _owner(HISTORY)
    if days:
        call_command("seed_usage", organization=HISTORY, days=days)
    return {"organization": HISTORY, "email": actor.person.email, "token": _token(actor, kept)}


def _owner(slug: str) -> Actor:
    email = f"{slug}@skyvend.test"
    user = User.objects.filter(email=email).first()
    if user is None:
        password = os.environ["DEMO_PASSWORD"]
        user, _ = register(email=email, password=password, organization=slug.title(), request_meta=RequestMeta())
    membership = user.memberships.select_related("organization").get(organization__slug=slug)
    return member_actor(user, membership)


def _operator(password: str) -> None:
    if not User.objects.filter(email=OPERATOR).exists():
        User.objects.create_superuser(OPERATOR, password)


def _credit(organization: Organization) -> None:
    top_up(
        organization=organization,
        amount=CREDIT,
        reference="seed",
        actor=system_actor(organization),
        description="Demo credit",
    )


def _token(actor: Actor, kept: dict[str, Any]) -> str:
    """The token of an earlier start while it is good, else a new one."""
    token: str = kept.get("token", "")
    if ApiToken.objects.live().filter(digest=digest_of(token), organization=actor.organization).exists():
        return token
    _, secret = issue_token(actor=actor, name="Demo (demo.json)", role=Role.OWNER, expires_at=None)
    return secret


def _describe(organization: Organization, token: str) -> dict[str, Any]:
    """What a program needs to order, and to see what exists in each simulated cloud."""
    aws = {
        "endpoint_url": settings.SANDBOX_AWS_ENDPOINT,
        "access_key": sandbox.AWS_CREDENTIALS["access_key_id"],
        "secret_key": sandbox.AWS_CREDENTIALS["secret_access_key"],
        "region": sandbox.REGIONS[Provider.AWS],
        "control_url": f"{settings.SANDBOX_AWS_ENDPOINT}/control",
        "control_key": settings.SANDBOX_CONTROL_KEY,
    }
    clouds = {"aws": aws}
    for provider in SIMULATED:
        if sandbox.has_endpoint(provider):
            endpoint = sandbox.endpoint_of(provider)
            clouds[provider.value] = {
                "endpoint_url": endpoint,
                "region": sandbox.REGIONS[provider],
                "objects_url": f"{endpoint}/objects?tag=skyvend-resource:{{id}}",
                "control_url": f"{endpoint}/control",
                "control_key": settings.SANDBOX_CONTROL_KEY,
                **sandbox.credentials_of(provider),
            }
    return {"organization": organization.slug, "token": token, "sandbox": clouds}


def _order_vm(actor: Actor, account: CloudAccount) -> Run:
    """Through the ordinary path; the key makes it happen once."""
    version = Offering.objects.available().get(pk="aws/vm").current
    assert version is not None  # available() says so
    return request_resource(
        actor=actor,
        name="demo-vm",
        offering_version=version,
        cloud_account=account,
        inputs={**VM, "region": account.default_region},
        idempotency_key="seed-demo-vm",
    )


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
