"""What exists in a simulated cloud: one SQLite file, shared by every request, kept over a restart."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    type TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL, region TEXT NOT NULL,
    parent TEXT NOT NULL, tags TEXT NOT NULL, attributes TEXT NOT NULL, created TEXT NOT NULL,
    PRIMARY KEY (type, id)
);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
COLUMNS = "type, id, name, scope, region, parent, tags, attributes, created"


@dataclass(frozen=True)
class Object:
    """One cloud object. ``attributes`` are those of its Terraform type; ``scope`` is the subscription or project."""

    type: str  # "azurerm_subnet"
    id: str
    name: str
    scope: str
    region: str = ""
    parent: str = ""  # id of what it lies in
    tags: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def carries(self, tags: Mapping[str, str]) -> bool:
        return tags.items() <= self.tags.items()


class Store:
    """Objects and settings. Ids are compared without regard to case, as Azure does."""

    def __init__(self, path: Path | str) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(SCHEMA)
        self._turn = threading.RLock()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Everything inside happens together, or not at all; nobody else comes between."""
        with self._turn:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def put(self, thing: Object) -> Object:
        """Insert ``thing``, or write it over the one with its type and id."""
        row = (
            thing.type, thing.id, thing.name, thing.scope, thing.region, thing.parent,
            json.dumps(thing.tags), json.dumps(thing.attributes), thing.created,
        )  # fmt: skip
        with self._turn:
            self._connection.execute(f"INSERT OR REPLACE INTO object ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)", row)  # noqa: S608 - a constant
        return thing

    def get(self, type_: str, id_: str) -> Object | None:
        return next(self._select("type = ? AND lower(id) = lower(?)", (type_, id_)), None)

    def by_id(self, id_: str) -> Object | None:
        """The object with this id, whatever its type."""
        return next(self._select("lower(id) = lower(?)", (id_,)), None)

    def delete(self, thing: Object) -> None:
        with self._turn:
            self._connection.execute("DELETE FROM object WHERE type = ? AND id = ?", (thing.type, thing.id))

    def find(
        self, type_: str = "", *, scope: str = "", parent: str = "", tags: Mapping[str, str] | None = None
    ) -> list[Object]:
        """Every object that fits all that is given, in the order of their making."""
        wanted = {"type": type_, "scope": scope, "parent": parent}
        given = {name: value for name, value in wanted.items() if value}
        condition = " AND ".join(f"lower({name}) = lower(?)" for name in given) or "1"
        return [each for each in self._select(condition, tuple(given.values())) if each.carries(tags or {})]

    def change(self, thing: Object, **fields: Any) -> Object:
        return self.put(replace(thing, **fields))

    def counter(self, name: str) -> int:
        """1, 2, 3 …: never the same number twice."""
        with self.at_once():
            number = int(self.setting(f"counter:{name}", 0)) + 1
            self.set_setting(f"counter:{name}", number)
        return number

    def setting(self, name: str, default: Any = None) -> Any:
        with self._turn:
            row = self._connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else default

    def set_setting(self, name: str, value: Any) -> None:
        with self._turn:
            self._connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, json.dumps(value)))

    def _select(self, condition: str, values: tuple[Any, ...]) -> Iterator[Object]:
        with self._turn:
            rows = self._connection.execute(
                f"SELECT {COLUMNS} FROM object WHERE {condition} ORDER BY created, rowid",  # noqa: S608 - our own words
                values,
            ).fetchall()
        for row in rows:
            type_, id_, name, scope, region, parent, tags, attributes, created = row
            yield Object(type_, id_, name, scope, region, parent, json.loads(tags), json.loads(attributes), created)
