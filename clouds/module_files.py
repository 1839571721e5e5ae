"""A released module directory as Terraform sees it: its variables, outputs, resources, tables and content hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import hcl2
from hcl2 import SerializationOptions

OPTIONS = SerializationOptions(strip_string_quotes=True, explicit_blocks=False)


class UnreadableModule(Exception):
    """A file of the module is not Terraform; the message names file and cause."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One ``variable`` block. ``type`` is Terraform's, as written: "string", "list(string)"."""

    name: str
    type: str
    is_required: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class Module:
    """What the ``.tf`` and ``.tf.json`` files of one directory declare."""

    variables: dict[str, Variable]
    outputs: dict[str, bool]  # name: is it sensitive
    resources: frozenset[str]  # "aws_instance.this"
    tables: dict[str, dict[str, dict[str, Any]]]  # locals of .tf.json files: {"sizes": {"small": {...}}}
    content_hash: str


def read_module(directory: Path) -> Module:
    """Read ``directory``. Raises :class:`UnreadableModule`."""
    documents = [_parsed(path) for path in sorted(directory.glob("*.tf"))]
    return Module(
        variables={name: _variable(name, block) for name, block in _blocks(documents, "variable")},
        outputs={name: bool(block.get("sensitive", False)) for name, block in _blocks(documents, "output")},
        resources=frozenset(f"{kind}.{name}" for kind, inner in _blocks(documents, "resource") for name in inner),
        tables=_tables(directory),
        content_hash=content_hash(directory),
    )


def content_hash(directory: Path) -> str:
    """SHA-256 over the names and contents of the module's files; hidden files and left-over state do not count."""
    digest = hashlib.sha256()
    for path in sorted(_released_files(directory)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(directory).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _released_files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        relative = path.relative_to(directory)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts) and ".tfstate" not in path.name:
            yield path


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return _document(path.read_text("utf-8"))
    except Exception as error:  # python-hcl2 lets its parser's and lexer's own errors through
        raise UnreadableModule(f"{path.name} is not valid HCL: {str(error).splitlines()[0]}") from error


@lru_cache(maxsize=128)
def _document(text: str) -> dict[str, Any]:
    """``text`` parsed, which takes tens of milliseconds; shared, so to be read only."""
    parsed: dict[str, Any] = hcl2.loads(text, serialization_options=OPTIONS)
    return parsed


def _blocks(documents: list[dict[str, Any]], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every block of ``kind`` as (first label, body)."""
    for document in documents:
        for block in document.get(kind, []):
            yield from block.items()


def _variable(name: str, block: dict[str, Any]) -> Variable:
    written = str(block.get("type", "any"))
    return Variable(
        name=name,
        type=written.removeprefix("${").removesuffix("}").replace(" ", ""),
        is_required="default" not in block,
        default=block.get("default"),
    )


def _tables(directory: Path) -> dict[str, dict[str, dict[str, Any]]]:
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for path in sorted(directory.glob("*.tf.json")):
        try:
            tables.update(json.loads(path.read_text("utf-8")).get("locals", {}))
        except (ValueError, AttributeError) as error:
            raise UnreadableModule(f"{path.name} is not valid JSON: {error}") from error
    return tables
