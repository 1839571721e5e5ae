"""``manage.py load_prices``: bring the price catalogue of this release into the database."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from billing import prices


class Command(BaseCommand):
    help = "Load the price files; safe to run at every start. Refuses a released file that was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--directory", type=Path, default=prices.DATA, help="where prices-<version>.csv files are")

    def handle(self, *args: Any, directory: Path, **options: Any) -> None:
        try:
            added = prices.load(directory, lambda files: tqdm(files, desc="prices", unit="file", disable=None))
        except prices.BadPriceFile as error:
            raise CommandError(str(error)) from error
        for version, count in added.items():
            self.stdout.write(f"Prices {version}: {count} added." if count else f"Prices {version}: nothing new.")
