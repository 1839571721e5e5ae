from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from billing import alerting


class Command(BaseCommand):
    help = "Say what has become true of budgets and credit. The worker does this by itself; repeating it says nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        count = alerting.evaluate_all(timezone.now())
        self.stdout.write(f"{count} new alert{'' if count == 1 else 's'}.")
