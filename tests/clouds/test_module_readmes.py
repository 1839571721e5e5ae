"""What a module's README says of its inputs, outputs and permissions is what the module has."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from clouds.module_files import Variable, read_module

MODULES = sorted(path.parent for path in settings.TERRAFORM_MODULES.glob("*/*/*/offering.toml"))
ids = pytest.mark.parametrize("module", MODULES, ids=lambda path: "/".join(path.parts[-3:]))


def section(module: Path, heading: str) -> str:
    """The text below a heading of the README, until the next of its rank."""
    _, _, rest = (module / "README.md").read_text("utf-8").partition(f"\n## {heading}\n")
    return rest.partition("\n## ")[0]


def rows(module: Path, heading: str) -> list[list[str]]:
    """The cells of the section's table, without its head."""
    lines = [line for line in section(module, heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines[2:]]


def written(variable: Variable) -> str:
    """A default as a README writes it: strings bare unless they are empty, everything else as Terraform does."""
    if variable.is_required:
        return ""
    value: Any = variable.default
    return f"`{value if isinstance(value, str) and value else json.dumps(value)}`"


@ids
def test_it_lists_every_input_with_its_type_and_default(module: Path) -> None:
    variables = read_module(module).variables.values()

    said = {cells[0]: cells[1:3] for cells in rows(module, "Inputs")}

    assert said == {f"`{each.name}`": [each.type, written(each)] for each in variables}


@ids
def test_it_lists_every_output_with_its_meaning(module: Path) -> None:
    said = {cells[0]: bool(cells[1]) for cells in rows(module, "Outputs")}

    assert said == {f"`{name}`": True for name in read_module(module).outputs}


@ids
def test_its_permissions_are_those_of_the_offering(module: Path) -> None:
    text = section(module, "Permissions")
    listed = tomllib.loads((module / "offering.toml").read_text("utf-8"))["permissions"]

    assert "offering.toml" in text
    named = set(re.findall(r"`([A-Za-z0-9.-]+(?::[A-Za-z*]+|/[A-Za-z/]+/(?:read|write|delete|action)))`", text))
    assert named <= set(listed)
