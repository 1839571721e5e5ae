"""``manage.py check_ledger``: does every account say what its ledger and open holds add up to?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from billing.ledger import differences
from billing.models import Account


class Command(BaseCommand):
    help = "Recompute balances from entries and reservations from open holds; exit 1 and name the differences, if any."

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(differences())
        for difference in found:
            self.stderr.write(str(difference))
        if found:
            sys.exit(1)
        self.stdout.write(f"{Account.objects.count()} accounts agree with their ledgers and holds.")
