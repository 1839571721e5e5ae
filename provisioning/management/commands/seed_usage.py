"""``manage.py seed_usage``: months of made-up past for one tenant, metered and booked as if it had happened.

Resources, runs and quotes are written with past dates; what they cost is recorded by the meters and booked by the
ordinary pass, hour by hour. The ledger says when a charge was booked, which is now. Nothing is made in any cloud.
"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from accounts.actors import Actor, member_actor, system_actor
from accounts.models import Organization
from billing import metering, quotes
from billing import services as billing
from billing.models import LedgerEntry, Quote
from billing.tasks import forecast_costs
from clouds.models import CloudAccount
from clouds.services import CloudUnreachable, connect_sandbox_account
from provisioning import metered, services
from provisioning.management.history import ACCOUNTS, LIVES, Happening, Life, happenings
from provisioning.models import Resource, ResourceStatus, Run, RunEvent, RunStatus

REFERENCE = "seed-usage"
CREDIT_PER_DAY = Decimal(40)  # USD: more than all of it costs
TOOK = {"create": 95, "update": 60, "stop": 25, "start": 30, "destroy": 45}  # seconds
STATUS = {"destroy": ResourceStatus.DESTROYED, "stop": ResourceStatus.STOPPED}


class Command(BaseCommand):
    help = "Give one tenant a made-up past of resources, usage and charges. For trials and tests."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", required=True, help="slug of the tenant")
        parser.add_argument("--days", type=int, default=90, help="how long ago it begins (7 to 730)")
        parser.add_argument("--seed", type=int, default=1, help="another number gives another history")

    def handle(self, *args: Any, organization: str, days: int, seed: int, **options: Any) -> None:
        if not (settings.TRIAL or settings.DEBUG):
            raise CommandError("seed_usage is for trials and development: set TRIAL=1.")
        if not 7 <= days <= 730:
            raise CommandError("--days is a number from 7 to 730.")
        tenant = Organization.objects.filter(slug=organization).first()
        if tenant is None:
            raise CommandError(f"There is no organization {organization}.")
        now = timezone.now()
        if LedgerEntry.objects.filter(account__organization=tenant, reference=REFERENCE).exists():
            self.stdout.write(f"{tenant} has a history already; what is due of it is booked.")
        else:
            _write(tenant, now=now, days=days, seed=seed)
        booked = _book(now, days, is_quiet=options["verbosity"] == 0)
        forecast_costs.send()  # a worker that is there already need not wait for its next tick
        self.stdout.write(f"{tenant}: {booked.records} usage records, {booked.amount:.2f} charged.")


@transaction.atomic
def _write(tenant: Organization, *, now: datetime, days: int, seed: int) -> None:
    """Everything but the bookings, at once: a pass of the worker meanwhile must not see half of a life."""
    accounts = {name: _account(tenant, name) for name in ACCOUNTS}
    billing.top_up(
        organization=tenant,
        amount=CREDIT_PER_DAY * (days + settings.HOLD_DAYS),
        reference=REFERENCE,
        actor=system_actor(tenant),
        description="Credit for a made-up history",
    )
    for life in LIVES:
        _live(_owner(tenant), life, accounts[life.account], happenings(life, now=now, days=days, seed=seed))


def _book(now: datetime, days: int, *, is_quiet: bool) -> metering.Booked:
    """Day by day, so that whoever waits sees how far it is."""
    moments = [now - timedelta(days=number) for number in range(days, -1, -1)]
    shown = tqdm(moments, unit="day", desc="Booking", disable=True if is_quiet else None)  # None: no terminal, no bar
    return sum((metering.book_usage(until=moment) for moment in shown), metering.Booked())


def _account(tenant: Organization, name: str) -> CloudAccount:
    """The tenant's cloud account of this name; a simulated one is connected where there is none."""
    if existing := CloudAccount.objects.filter(organization=tenant, name=name, provider=ACCOUNTS[name]).first():
        return existing
    try:
        return connect_sandbox_account(organization=tenant, provider=ACCOUNTS[name], name=name)
    except CloudUnreachable as error:
        raise CommandError(f"The simulated cloud behind {name} does not answer: {error}") from error


def _owner(tenant: Organization) -> Actor:
    membership = tenant.memberships.select_related("user").filter(role="owner").first()
    return member_actor(membership.user, membership) if membership else system_actor(tenant)


def _live(actor: Actor, life: Life, account: CloudAccount, past: list[Happening]) -> None:
    if not past:
        return
    resource = _resource(actor, life, account, past[0])
    for happening in past:
        _happen(actor, resource, happening)
    resource.save()
    if resource.is_live:
        billing.hold_credit(
            organization=actor.tenant,
            reference=resource.hold_reference,
            amount=billing.hold_amount(resource.hourly_cost),
            description=f"{resource.offering_version.title}: {resource.name}",
        )


def _resource(actor: Actor, life: Life, account: CloudAccount, born: Happening) -> Resource:
    version = services.current_version(life.offering)
    if version is None:
        raise CommandError(f"{life.offering} is not on the shelf: run load_catalogue first.")
    return Resource.objects.create(
        organization=actor.tenant,
        name=life.name,
        offering_version=version,
        cloud_account=account,
        provider=account.provider,
        kind=life.offering.partition("/")[2],
        region=account.default_region,
        inputs={},
        hourly_cost=0,
        monthly_cost=0,
        tags=life.tags,
        created_by=actor.user,
        created_at=born.at,
        activated_at=born.at + timedelta(seconds=TOOK["create"]),
    )


def _happen(actor: Actor, resource: Resource, happening: Happening) -> None:
    """One operation that ended well: its run, and what it means for the meters."""
    done = happening.at + timedelta(seconds=TOOK[happening.operation])
    if happening.operation in {"create", "update"}:
        _agree(resource, happening.inputs, happening.at)
    _run(actor, resource, happening, done)
    resource.status = STATUS.get(happening.operation, ResourceStatus.ACTIVE)
    if happening.operation == "destroy":
        resource.gone_at = done
        metered.end(resource)
    elif happening.operation == "stop":
        metering.pause_meters(organization=actor.tenant, reference=resource.hold_reference, at=done)
    else:
        metered.start(resource, at=done)


def _agree(resource: Resource, inputs: dict[str, Any], at: datetime) -> None:
    """The price of ``inputs``, kept as the quote of that moment."""
    wanted = {"region": resource.region, **inputs}
    quoted = services.estimate(version=resource.offering_version, inputs=wanted)
    resource.inputs = wanted
    resource.hourly_cost, resource.monthly_cost = quoted.hourly, quoted.monthly
    kept = quotes.keep_quote(organization=resource.organization, reference=resource.hold_reference, quoted=quoted)
    Quote.objects.filter(pk=kept.pk).update(created_at=at)


def _run(actor: Actor, resource: Resource, happening: Happening, done: datetime) -> None:
    run = Run.objects.create(
        organization=actor.tenant,
        resource=resource,
        operation=happening.operation,
        status=RunStatus.SUCCEEDED,
        inputs=resource.inputs,
        created_by=actor.user,
        created_by_label=actor.label,
        queued_at=happening.at,
        started_at=happening.at + timedelta(seconds=1),
        finished_at=done,
        last_seq=1,
    )
    RunEvent.objects.create(
        run=run,
        seq=1,
        time=done,
        kind="phase",
        message="Done, in a made-up past: no log was kept.",
        data={"phase": "finished", "status": "succeeded"},
    )
