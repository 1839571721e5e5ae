"""``manage.py forecast_costs``: what the coming days will cost, and what was unusual about the days that are over."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from billing.anomalies import find_anomalies
from billing.forecasting.due import accounts_due, days_to_check
from billing.forecasting.making import forecast_account
from billing.models import Account


class Command(BaseCommand):
    help = (
        "Look for unusual costs of the days that are over, and replace the forecasts. Workers run this with --due, "
        "once a day for each account when its day is booked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--due", action="store_true", help="only accounts without a forecast of today")
        parser.add_argument("--organization", help="only the one with this short name")
        parser.add_argument("--seconds", type=float, help="begin no further account after this time")

    def handle(self, *args: Any, due: bool, organization: str | None, seconds: float | None, **options: Any) -> None:
        started = time.monotonic()
        accounts = accounts_due(timezone.now().date()) if due else Account.objects.order_by("pk")
        if organization:
            accounts = accounts.filter(organization__slug=organization)
            if not accounts.exists() and not due:
                raise CommandError(f"There is no organization {organization!r} with an account.")
        failed = scopes = done = unusual = 0
        for account in tqdm(list(accounts), desc="forecasts", unit="account", disable=None):
            if seconds is not None and time.monotonic() - started > seconds:
                break
            try:
                for day in days_to_check(account, timezone.now().date()):
                    unusual += len(find_anomalies(account, day))
                scopes += forecast_account(account)
                done += 1
            except Exception as error:  # noqa: BLE001 - one account's trouble is not the next one's
                failed += 1
                self.stderr.write(f"Account {account.pk}: {type(error).__name__}: {error}")
        self.stdout.write(
            f"{done} accounts forecast, {scopes} series in {time.monotonic() - started:.1f} s;"
            f" {unusual} unusual costs found."
        )
        if failed:
            sys.exit(1)
