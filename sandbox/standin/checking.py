"""What a provider checks of a configuration before it plans: allowed values, patterns, what goes together."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .rules.base import Rule
from .values import UNKNOWN

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """A diagnostic: an error unless it says otherwise."""

    summary: str
    detail: str = ""
    path: Path = ()
    is_warning: bool = False


def problems(block: dict[str, Any], rule: Rule, config: dict[str, Any]) -> list[Problem]:
    """Everything that the real provider would find wrong with this configuration. Unknown values pass."""
    found = list(_unconfigurable(block, config))
    for path, where, value in _leaves(block, config):
        found += _value_problems(rule, path, where, value)
    found += _group_problems(rule, config)
    return found


def _leaves(block: dict[str, Any], value: dict[str, Any], at: Path = ()) -> Iterator[tuple[str, Path, Any]]:
    """Each known, set attribute: dotted path, path, value."""
    for name in block.get("attributes", {}):
        item = value.get(name)
        if item is not None and item is not UNKNOWN:
            yield ".".join([*(step for step in at if isinstance(step, str)), name]), (*at, name), item
    for name, nested in block.get("block_types", {}).items():
        for position, element in _elements(value.get(name)):
            step = (name,) if nested["nesting_mode"] == "single" else (name, position)
            yield from _leaves(nested["block"], element, (*at, *step))


def _elements(value: Any) -> list[tuple[int, dict[str, Any]]]:
    if value is None or value is UNKNOWN:
        return []
    items = value if isinstance(value, list) else [value]
    return [(position, item) for position, item in enumerate(items) if isinstance(item, dict)]


def _unconfigurable(block: dict[str, Any], config: dict[str, Any], at: Path = ()) -> Iterator[Problem]:
    """Values for attributes that only the cloud sets; Terraform itself does not look."""
    for name, attribute in block.get("attributes", {}).items():
        is_ours = not (attribute.get("optional") or attribute.get("required"))
        if is_ours and config.get(name) is not None:
            detail = (
                f'Can\'t configure a value for "{".".join(map(str, (*at, name)))}": '
                "its value will be decided automatically based on the result of applying this configuration."
            )
            yield Problem("Value for unconfigurable attribute", detail, (*at, name))
    for name, nested in block.get("block_types", {}).items():
        for position, element in _elements(config.get(name)):
            step = (name,) if nested["nesting_mode"] == "single" else (name, position)
            yield from _unconfigurable(nested["block"], element, (*at, *step))


def _value_problems(rule: Rule, path: str, where: Path, value: Any) -> Iterator[Problem]:
    name = path.rpartition(".")[2]
    at = where if all(isinstance(step, str) for step in where) else where[:1]
    if path in rule.allowed and value not in rule.allowed[path]:
        listed = " ".join(f'"{item}"' for item in sorted(rule.allowed[path], key=str))
        yield Problem(f"expected {path} to be one of [{listed}], got {value}", path=at)
    if path in rule.patterns and not re.fullmatch(rule.patterns[path][0], str(value)):
        yield Problem(rule.patterns[path][1].format(name=name, value=value), path=at)
    if path in rule.ranges:
        low, high = rule.ranges[path]
        if not low <= value <= high:
            yield Problem(f"expected {path} to be in the range ({low} - {high}), got {value}", path=at)


def _group_problems(rule: Rule, config: dict[str, Any]) -> Iterator[Problem]:
    for group in rule.exactly_one:
        given = [name for name in group if is_set(config, name)]
        listed = ",".join(group)
        if not given:
            yield Problem("Invalid combination of arguments", f'"{group[0]}": one of `{listed}` must be specified')
        elif len(given) > 1 and not any(config.get(name) is UNKNOWN for name in given):
            detail = f'"{given[0]}": only one of `{listed}` can be specified, but `{",".join(given)}` were specified.'
            yield Problem("Invalid combination of arguments", detail)
    for group in rule.conflicts:
        given = [name for name in group if is_set(config, name) and config.get(name) is not UNKNOWN]
        if len(given) > 1:
            yield Problem("Conflicting configuration arguments", f'"{given[0]}": conflicts with {given[1]}')


def is_set(config: dict[str, Any], name: str) -> bool:
    value = config.get(name)
    return value is UNKNOWN or not (value is None or value == [])
