from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clouds import catalogue


class Command(BaseCommand):
    help = "Put the released modules of a directory on the shelf; refuses modules that changed since their release."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", nargs="?", type=Path, default=settings.TERRAFORM_MODULES)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            versions = catalogue.load(options["directory"])
        except catalogue.CatalogueError as error:
            raise CommandError(str(error)) from error
        for version in versions:
            self.stdout.write(f"{version}: {version.title}, {len(version.regions)} regions")
