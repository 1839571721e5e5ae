"""Runs inside the platform's environment: a tenant with a past, and how well its forecasts would have been."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# ruff: noqa: E402  - models must be loaded first
import numpy as np
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Membership, Organization, Role, User
from billing import services
from billing.costs import Period
from billing.costs.by_scope import daily_by_scope
from billing.forecasting.history import pasts
from billing.models import Account
from clouds.models import CloudAccount, CloudAccountStatus
from provisioning.management.history import ACCOUNTS

from .scoring import HELD_OUT, Score, score

REGIONS = {"aws": "eu-west-1", "azure": "westeurope", "gcp": "europe-west1"}
DAYS = 120  # of history
STEP = 7  # days between the moments at which it is forecast
FIRST_AFTER = 42  # days of history
DAY = timedelta(days=1)


def seed(name: str, days: int) -> Account:
    """A tenant of the demo's sample history, with the user ``<name>@bench.test``."""
    organization = Organization.objects.create(name=name.title(), slug=name)
    user = User.objects.create_user(f"{name}@bench.test", "correct-horse-battery")
    Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
    for title, provider in ACCOUNTS.items():
        CloudAccount.objects.create(
            organization=organization,
            provider=provider,
            name=title,
            status=CloudAccountStatus.VERIFIED,
            credentials={},
            default_region=REGIONS[provider],
        )
    call_command("seed_usage", organization=name, days=days, verbosity=0)
    return services.account_of(organization)


def judge(account: Account) -> Score:
    """Forecasts of every scope as of one day a week, against what then came."""
    today = timezone.now().date()
    total = Score()
    for back in range(HELD_OUT, DAYS - FIRST_AFTER, STEP):
        then = today - back * DAY
        came = daily_by_scope(account, Period(then, then + (HELD_OUT - 1) * DAY))
        for scope, past in pasts(account, then).items():
            found = score(past, np.array(came.get(scope, [0] * HELD_OUT), dtype=np.float64))
            total += found.relative(float(past.costs.mean()) or 1.0)
    return total


def main(name: str = "sample") -> None:
    print(json.dumps(judge(seed(name, DAYS)).as_json()))


if __name__ == "__main__":
    main(*sys.argv[1:])
