"""``offering.toml``: how a module is presented, priced and taken back, and whether that fits its Terraform files."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator

from .module_files import Module, Variable

FILE = "offering.toml"
SCHEMA = Draft202012Validator(json.loads((Path(__file__).parent / "data/offering.schema.json").read_text("utf-8")))
# What the platform gives by itself; a module need not take all of them.
PLATFORM_VARIABLES = ("name", "tags", "unique_suffix")
REQUIRED_VARIABLES = {"name": "string", "tags": "map(string)", "region": "string"}
TYPES = {"string": "string", "number": "number", "bool": "boolean", "list(string)": "array"}  # Terraform: JSON Schema
PLACEHOLDER = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Input:
    """One ``[inputs.<name>]`` table; the meaning of each key is in data/offering.schema.json."""

    name: str
    label: str
    variable: str = ""
    help: str = ""
    group: Literal["basic", "advanced"] = "basic"
    unit: str = ""
    widget: str = ""
    placeholder: str = ""
    initial: Any = None
    choices: str | list[dict[str, str]] | None = None
    provides: str = ""
    replaces: str = ""
    in_place: bool | Literal["grow"] = False
    effect: str = ""
    price_only: bool = False
    type: str = ""
    default: Any = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    max_length: int | None = None
    max_items: int | None = None
    format: str = ""
    key_types: tuple[str, ...] = ()

    @property
    def terraform_name(self) -> str:
        """The module's variable that takes its value."""
        return self.variable or self.name


@dataclass(frozen=True, slots=True)
class PriceLine:
    label: str
    sku: str
    quantity: int | float | str | list[float | str]
    when: str = ""

    @property
    def factors(self) -> list[float | str]:
        """What is multiplied: numbers, and names of inputs."""
        return self.quantity if isinstance(self.quantity, list) else [self.quantity]


@dataclass(frozen=True)
class Manifest:
    """A checked ``offering.toml``. :attr:`stored` is what is kept with the version."""

    raw: Mapping[str, Any]

    @cached_property
    def stored(self) -> dict[str, Any]:
        """``raw`` and the order of its inputs, which the database's JSON objects do not keep."""
        return {**self.raw, "order": list(self.raw["inputs"])}

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """By name, in the order of the file."""
        tables = self.raw["inputs"]
        return {name: Input(name=name, **tables[name]) for name in self.raw.get("order", tables)}

    @cached_property
    def prices(self) -> list[PriceLine]:
        return [PriceLine(**line) for line in self.raw["price"]]

    @property
    def replacements(self) -> Iterator[tuple[str, str]]:
        """Pairs (input, the input it stands in for): exactly one of the two is given."""
        return ((name, one.replaces) for name, one in self.inputs.items() if one.replaces)


class InvalidManifest(Exception):
    """``problems`` says in words what is wrong, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_manifest(directory: Path) -> Manifest:
    """Read and check the form of ``directory``'s offering.toml. Raises :class:`InvalidManifest`."""
    try:
        raw = tomllib.loads((directory / FILE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidManifest([f"{FILE} cannot be read: {error}"]) from error
    problems = [f"{FILE}: {error.json_path.removeprefix('$.')}: {error.message}" for error in SCHEMA.iter_errors(raw)]
    if problems:
        raise InvalidManifest(problems)
    return Manifest(raw)


def check_manifest(manifest: Manifest, module: Module) -> None:
    """Whether the manifest speaks of what the module has. Raises :class:`InvalidManifest` with every problem."""
    checks = (_variable_problems, _input_problems, _reference_problems, _price_problems, _output_problems)
    if problems := [problem for check in checks for problem in check(manifest, module)]:
        raise InvalidManifest(problems)


def _variable_problems(manifest: Manifest, module: Module) -> Iterator[str]:
    for name, expected in REQUIRED_VARIABLES.items():
        found = module.variables.get(name)
        if found is None or found.type != expected:
            yield f'variables.tf must declare "{name}" as {expected}'
    if "region" not in manifest.inputs:
        yield f'{FILE} must present the input "region"'
    presented = {one.terraform_name for one in manifest.inputs.values()}
    for name, variable in module.variables.items():
        if variable.is_required and name not in presented and name not in PLATFORM_VARIABLES:
            yield f'variable "{name}" has no default and {FILE} does not present it'


def _input_problems(manifest: Manifest, module: Module) -> Iterator[str]:
    for name, one in manifest.inputs.items():
        if one.price_only:
            continue
        variable = module.variables.get(one.terraform_name)
        if variable is None or one.terraform_name in PLATFORM_VARIABLES:
            yield f'input "{name}" is no variable of the module'
        elif variable.type not in TYPES:
            yield f'variable "{name}" is {variable.type}; an input can be {", ".join(TYPES)}'
        elif not _types_agree(one, variable):
            yield f'input "{name}" is {one.type}, but variables.tf says {variable.type}'
        elif one.default is not None:
            yield f'input "{name}": the default belongs into variables.tf'


def _types_agree(one: Input, variable: Variable) -> bool:
    return one.type in {"", TYPES[variable.type]} or (one.type == "integer" and variable.type == "number")


def _reference_problems(manifest: Manifest, module: Module) -> Iterator[str]:
    for name, one in manifest.inputs.items():
        for key in ("provides", "replaces"):
            target = getattr(one, key)
            if target and target not in manifest.inputs:
                yield f'input "{name}" {key} "{target}", which is no input'
        if isinstance(one.choices, str) and one.choices not in {"regions", "machine_types", *module.tables}:
            yield f'input "{name}" chooses from "{one.choices}", which no .tf.json file holds'
    for adopt in manifest.raw["adopt"]:
        if adopt["address"].partition("[")[0] not in module.resources:
            yield f'adopt: the module has no resource "{adopt["address"]}"'


def _price_problems(manifest: Manifest, _module: Module) -> Iterator[str]:
    for line in manifest.prices:
        used = {*PLACEHOLDER.findall(line.label), *PLACEHOLDER.findall(line.sku), line.when} - {""}
        used.update(factor for factor in line.factors if isinstance(factor, str))
        for name in sorted(used - manifest.inputs.keys()):
            yield f'price "{line.label}" uses "{name}", which is no input'


def _output_problems(manifest: Manifest, module: Module) -> Iterator[str]:
    for table, key in (("global_name", "output"), ("drain", "cluster")):
        if table in manifest.raw and manifest.raw[table][key] not in module.outputs:
            yield f'{table}: output "{manifest.raw[table][key]}" is not in outputs.tf'
    for output in manifest.raw["output"]:
        name = output["name"]
        if name not in module.outputs:
            yield f'output "{name}" is not in outputs.tf'
        elif module.outputs[name] and not output.get("sensitive"):
            yield f'output "{name}" is sensitive in outputs.tf: say so in {FILE}'
