"""``manage.py propose_sizes``: look at machines and propose better sizes; the scheduler does the same once a day."""

import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organization
from billing.alone import alone
from clouds.models import CloudAccount
from provisioning import sizing
from provisioning.models import SizingVerdict
from provisioning.services import look_at_account
from provisioning.sizing.looking import machines

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Read how busy machines were from their clouds and propose sizes that fit better. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", default="", help="slug; default: all")
        parser.add_argument("--due", action="store_true", help="only accounts with a machine not looked at for a day")
        parser.add_argument("--seconds", type=float, default=0, help="begin no further account after so long; 0: all")

    def handle(self, *args: Any, organization: str, due: bool, seconds: float, **options: Any) -> None:
        accounts = list(_accounts(organization, due=due))
        started, total = time.monotonic(), Counter[str]()
        with alone(sizing.LOOK_LOCK) as may_look:
            if not may_look:
                self.stdout.write("Another process is looking already.")
                return
            for number, account in enumerate(accounts, 1):
                total.update(_looked(account))
                self.stderr.write(f"\r{number} of {len(accounts)} accounts, {total.total()} machines", ending="")
                if seconds and time.monotonic() - started > seconds:
                    break
        if accounts:
            self.stderr.write("")
        self.stdout.write(_in_words(total))


def _looked(account: CloudAccount) -> dict[str, int]:
    try:
        return look_at_account(account).verdicts
    except Exception:  # one account must not keep all others from being looked at
        log.exception("sizing_failed", cloud_account=str(account.pk))
        sizing.could_not_look(account)
        return {}


def _accounts(slug: str, *, due: bool) -> QuerySet[CloudAccount]:
    if slug and not Organization.objects.filter(slug=slug).exists():
        raise CommandError(f"There is no organization {slug}.")
    with_machines = CloudAccount.objects.filter(pk__in=machines().values("cloud_account_id"))
    found = sizing.accounts_due(timezone.now()) if due else with_machines.defer("credentials").order_by("pk")
    return found.filter(organization__slug=slug) if slug else found


def _in_words(verdicts: Counter[str]) -> str:
    counts = [f"{SizingVerdict(verdict).label.lower()}: {number}" for verdict, number in verdicts.most_common()]
    return f"{verdicts.total()} machines. {'; '.join(counts)}".rstrip(". ") + "."
