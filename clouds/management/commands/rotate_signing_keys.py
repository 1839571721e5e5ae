"""Do now what the scheduler does every hour: publish the next key that signs tokens for clouds, drop expired ones."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from clouds import issuer
from clouds.models import SigningKey


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--at-once",
            action="store_true",
            help="a key got into wrong hands: sign with a new one from now on and withdraw all others. Key-less "
            "accounts may be refused until their cloud has fetched the new one.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        issuer.rotate(at_once=options["at_once"])
        if options["verbosity"]:
            for key in SigningKey.objects.published(timezone.now()).defer("private_key"):
                self.stdout.write(f"{key.kid}  {key.state}, signs from {key.activates_at:%Y-%m-%d %H:%M} UTC")
