"""Every URL as stranger, viewer, member and owner.

A new URL is walked by itself, or fails here until the walk knows its ids.
Nothing below lists the platform's addresses: they are read from the resolver.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.actors import member_actor
from accounts.models import AuditEvent, Role
from accounts.services import invite, issue_token
from billing import budgets, channels
from billing.models import CostAnomaly, Price
from clouds.models import CloudAccount, MachineType, Offering, OfferingVersion
from provisioning.models import Resource, Run, SizingProposal

pytestmark = pytest.mark.django_db

# Open to everybody on purpose, or guarded by other tests (allauth's own pages, the operators' admin, operations).
NOT_WALKED = re.compile(r"^(\.well-known/|accounts/|admin/|static/|health/|metrics$|docs$|api/v1/schema$|api/v1/auth/)")
ALSO_OPEN = {"accounts:invitation-accept"}  # the secret in the address is the right
METHODS = ("get", "post", "patch", "delete")
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass(frozen=True)
class Route:
    path: str  # "api/v1/resources/<uuid:pk>"
    name: str
    arguments: tuple[str, ...]
    callback: Callable[..., Any]

    def __str__(self) -> str:
        return self.path or "/"


@pytest.fixture(scope="module")
def shelf(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The catalogue, loaded once for the whole walk and taken away after it."""
    with django_db_blocker.unblock():
        call_command("load_prices", verbosity=0)
        call_command("load_catalogue", verbosity=0)
        yield
        Offering.objects.update(current=None)
        for model in (OfferingVersion, Offering, MachineType, Price):
            model.objects.all().delete()


def routes(patterns: list[Any] | None = None, prefix: str = "", namespace: str = "") -> Iterator[Route]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern).lstrip("^").rstrip("$").replace("\\Z", "")
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern.url_patterns, path, inner)
        elif isinstance(pattern, URLPattern):
            named = f"{namespace}{pattern.name or ''}"
            yield Route(
                path, named, tuple(pattern.pattern.converters or pattern.pattern.regex.groupindex), pattern.callback
            )


WALKED = [route for route in routes() if not NOT_WALKED.match(route.path) and route.name not in ALSO_OPEN]
IDS = {"pk", "account_id", "id"}
OF_ONE = [route for route in WALKED if IDS & set(route.arguments)]
OF_MANY = [route for route in WALKED if not IDS & set(route.arguments)]


@pytest.fixture
def owned(shelf: None, tenant: SimpleNamespace) -> dict[str, Any]:
    """One row of everything a tenant can own, by the path segment under which it is addressed."""
    organization = tenant.organization
    account = CloudAccount.objects.create(
        organization=organization, provider="aws", name="prod", credentials={"access_key_id": "AKIA"}, status="verified"
    )
    resource = Resource.objects.create(
        organization=organization,
        name="web",
        offering_version=OfferingVersion.objects.filter(offering_id="aws/vm").latest("pk"),
        cloud_account=account,
        provider="aws",
        kind="vm",
        region="us-east-1",
        inputs={"region": "us-east-1", "size": "micro"},
        status="failed",
        hourly_cost=Decimal("0.01"),
        monthly_cost=Decimal("7.30"),
    )
    run = Run.objects.create(
        organization=organization, resource=resource, operation="create", inputs=resource.inputs, status="failed"
    )
    actor = member_actor(tenant.owner, tenant.owner.memberships.get())
    token, _ = issue_token(actor=actor, name="ci", role=Role.MEMBER, expires_at=None)
    invitation = invite(actor=actor, email="new@acme.test", role=Role.MEMBER)
    budget = budgets.create_budget(actor=actor, name="All of it", amount=Decimal(50))
    channel, _ = channels.create_channel(actor=actor, name="Hook", kind="webhook", address="https://1.1.1.1/")
    delivery = channels.send_test(actor=actor, channel=channel)
    anomaly = CostAnomaly.objects.create(
        account=budget.account,
        day=date(2026, 6, 2),
        scope="organization",
        label="All resources together",
        expected=1,
        actual=3,
        excess=2,
        cause="unknown",
        detail={"resources": [], "others": 0},
    )
    return {
        "anomalies": anomaly,
        "budgets": budget,
        "channels": channel,
        "deliveries": delivery,
        "cloud-accounts": account,
        "resources": resource,
        "runs": run,
        "sizing": _proposal(resource),
        "tokens": token,
        "invitations": invitation,
        "members": tenant.member.memberships.get(),
        "audit": AuditEvent.objects.filter(organization=organization).first(),
    }


def _proposal(resource: Resource) -> SizingProposal:
    return SizingProposal.objects.create(
        organization=resource.organization,
        resource=resource,
        direction="smaller",
        from_inputs={"size": "small"},
        to_inputs={"size": "micro"},
        from_machine="t3.small",
        to_machine="t3.micro",
        first=resource.created_at,
        last=resource.created_at,
        figures={"expected": {"cpu_p95": 5.0, "memory_p95": None}, "confidence": "low"},
        reason="p95 CPU 5 % over 14 days.",
        monthly_before=Decimal(10),
        monthly_after=Decimal(4),
        saving=Decimal(6),
        currency="USD",
    )


def address(route: Route, owned: dict[str, Any]) -> str:
    """The route's path with the tenant's own ids in it; fails when the walk does not know what to put."""
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route.path)  # DRF's routers write regular expressions
    segments = [segment for segment in path.split("/") if segment]
    known = {"kind": "vm", "provider": "aws", "name": "retry", "format": "json"}
    filled = []
    for position, segment in enumerate(segments):
        if "<" not in segment:
            filled.append(segment)
            continue
        argument = segment.strip("<>").split(":")[-1]
        if argument in IDS:
            thing = owned.get(segments[position - 1])
            assert thing is not None, f"teach tests/test_tenancy_walk.py what {route.path} addresses"
            filled.append(str(thing.pk))
        else:
            assert argument in known, f"teach tests/test_tenancy_walk.py what {argument!r} in {route.path} is"
            filled.append(known[argument])
    return "/" + "/".join(filled) + ("/" if path.endswith("/") else "")


def call(client: Client, method: str, path: str) -> Any:
    return getattr(client, method)(
        path, **({} if method == "get" else {"content_type": "application/json", "data": {}})
    )


@pytest.mark.parametrize("route", OF_ONE, ids=str)
def test_a_stranger_finds_nothing_and_changes_nothing(
    route: Route, owned: dict[str, Any], stranger: Any, tenant: SimpleNamespace, sign_in: Callable[[Any], Client]
) -> None:
    client, path = sign_in(stranger), address(route, owned)
    before = AuditEvent.objects.filter(organization=tenant.organization).count()
    answers = {method: call(client, method, path).status_code for method in METHODS}
    assert set(answers.values()) <= {404, 405}, answers
    assert 404 in answers.values(), answers
    assert AuditEvent.objects.filter(organization=tenant.organization).count() == before


@pytest.mark.parametrize("route", OF_MANY, ids=str)
def test_a_list_shows_a_stranger_nothing_of_the_tenant(
    route: Route, owned: dict[str, Any], stranger: Any, sign_in: Callable[[Any], Client]
) -> None:
    answer = sign_in(stranger).get(address(route, owned))
    assert answer.status_code in {200, 204, 302, 400, 405}, answer.status_code
    content = answer.getvalue()  # streamed or not
    shown = set(UUID.findall(content.decode()))
    assert shown & {str(thing.pk) for thing in owned.values()} == set()


@pytest.mark.parametrize("route", WALKED, ids=str)
def test_nobody_gets_in_without_signing_in(route: Route, owned: dict[str, Any], client: Client) -> None:
    for method in METHODS:
        answer = call(client, method, address(route, owned))
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/accounts/login/")
        else:
            assert answer.status_code in {401, 403, 405}, (method, answer.status_code)


@pytest.mark.parametrize("route", WALKED, ids=str)
def test_a_viewer_writes_nothing(
    route: Route, owned: dict[str, Any], tenant: SimpleNamespace, sign_in: Callable[[Any], Client]
) -> None:
    client, path = sign_in(tenant.viewer), address(route, owned)
    before = AuditEvent.objects.filter(organization=tenant.organization).count()
    answers = {method: call(client, method, path).status_code for method in METHODS}
    assert answers["get"] in {200, 204, 286, 302, 400, 403, 404, 405}, answers
    allowed = {403, 404, 405} | ({200, 400, 422} if route.name in FOR_EVERYBODY else set())
    assert {status for method, status in answers.items() if method != "get"} <= allowed, answers
    assert AuditEvent.objects.filter(organization=tenant.organization).count() == before


# What a viewer may send because nothing of the tenant is written: a calculation, and what is about themselves.
FOR_EVERYBODY = {"estimates", "accounts:profile", "accounts:organization-new", "invitation-accept"}


@pytest.mark.parametrize("route", WALKED, ids=str)
def test_an_owner_is_never_turned_away_from_reading(
    route: Route, owned: dict[str, Any], tenant: SimpleNamespace, sign_in: Callable[[Any], Client]
) -> None:
    answer = sign_in(tenant.owner).get(address(route, owned))
    assert answer.status_code in {200, 204, 302, 405, 286} or (answer.status_code == 400 and "estimate" in route.path)
