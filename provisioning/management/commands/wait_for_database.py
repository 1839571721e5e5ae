"""``manage.py wait_for_database``: the first step of a container; returns once PostgreSQL answers."""

import time
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

DJANGO_ONLY = ("pool", "cursor_factory", "context", "server_side_binding", "isolation_level", "assume_role")


class Command(BaseCommand):
    help = "Wait until the database answers (and, with --migrated, until no migration is missing)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seconds", type=float, default=60.0, help="give up after this long")
        parser.add_argument("--migrated", action="store_true", help="also wait for somebody else to migrate it")

    def handle(self, *args: Any, seconds: float, migrated: bool, **options: Any) -> None:
        deadline = time.monotonic() + seconds
        while not (_answers() and (not migrated or _is_migrated())):
            if time.monotonic() > deadline:
                what = "is not migrated" if migrated and _answers() else "does not answer: see DATABASE_URL"
                raise CommandError(f"After {seconds:g} s the database still {what}.")
            time.sleep(0.5)


def _answers() -> bool:
    """Over a connection of its own, so that a refusal is quick and does not wait for the pool."""
    parameters = {name: value for name, value in connection.get_connection_params().items() if name not in DJANGO_ONLY}
    try:
        psycopg.connect(**{**parameters, "connect_timeout": 5}).close()
    except psycopg.OperationalError:
        return False
    return True


def _is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
