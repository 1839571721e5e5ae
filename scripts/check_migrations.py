"""Does a model differ from its migrations? ``python -m scripts.check_migrations``. Needs no database."""

import os
import sys

import django
from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    loader = MigrationLoader(None)
    conflicts = loader.detect_conflicts()
    changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(graph=loader.graph)
    for app, names in conflicts.items():
        print(f"{app}: several last migrations: {', '.join(sorted(names))}", file=sys.stderr)
    for app, migrations in changes.items():
        for migration in migrations:
            for operation in migration.operations:
                print(f"{app}: no migration for: {operation.describe()}", file=sys.stderr)
    return 1 if conflicts or changes else 0


if __name__ == "__main__":
    sys.exit(main())
