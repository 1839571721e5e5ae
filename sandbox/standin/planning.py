"""Plans, as a provider makes them: what is known beforehand, what changes, what must be replaced.

Everything here is a function of values and schemas; the cloud is not asked.
"""

import json
from collections.abc import Iterator
from typing import Any

from .rules.base import Rule
from .values import UNKNOWN

Path = tuple[str | int, ...]


def planned(block: dict[str, Any], rule: Rule, prior: Any, proposed: dict[str, Any]) -> dict[str, Any]:
    """The planned state: `prior` itself when nothing changes, else `proposed` with defaults and unknowns."""
    result: dict[str, Any] = _completed(block, rule, proposed, prior, "")
    if prior is None:
        return result
    if is_equal(block, prior, result):
        return dict(prior)
    changed = {dotted(path) for path in differences(block, prior, result)}
    for name in {later for path in changed for later in rule.refreshed.get(path, ())}:
        result[name] = UNKNOWN
    return result


def _completed(block: dict[str, Any], rule: Rule, proposed: dict[str, Any], prior: Any, where: str) -> dict[str, Any]:
    result = {}
    for name, attribute in block.get("attributes", {}).items():
        path = where + name
        value = proposed.get(name)
        if value is None:
            value = rule.defaults.get(path)
        if value is None and attribute.get("computed") and prior is None:
            value = UNKNOWN
        if path in rule.normalise and value is not None and value is not UNKNOWN:
            value = rule.normalise[path](value)
        result[name] = value
    for name, nested in block.get("block_types", {}).items():
        before = None if prior is None else prior.get(name)
        result[name] = _completed_block(nested, rule, proposed.get(name), before, where + name)
    return result


def _completed_block(nested: dict[str, Any], rule: Rule, proposed: Any, prior: Any, path: str) -> Any:
    if path in rule.computed_blocks and proposed is not UNKNOWN and not proposed:
        return UNKNOWN if prior is None else prior
    if proposed is UNKNOWN or proposed is None:
        return proposed
    if nested["nesting_mode"] == "single":
        return _completed(nested["block"], rule, proposed, prior, f"{path}.")
    return [
        element if element is UNKNOWN else _completed(nested["block"], rule, element, before, f"{path}.")
        for element, before in _paired(nested, proposed, prior if isinstance(prior, list) else [])
    ]


def _paired(nested: dict[str, Any], elements: list[Any], priors: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Each element with the one it was before: by position in a list, by equality in a set."""
    for position, element in enumerate(elements):
        if nested["nesting_mode"] == "list":
            yield element, priors[position] if position < len(priors) else None
        else:
            yield element, next((prior for prior in priors if is_equal(nested["block"], prior, element)), None)


def canonical(type_: Any, value: Any) -> Any:
    """The value with sets in one order, so that equal values are equal texts."""
    if value is None or value is UNKNOWN or isinstance(type_, str):
        return value
    kind, inner = type_
    if kind == "object":
        return {key: canonical(inner[key], item) for key, item in value.items()}
    if kind == "map":
        return {key: canonical(inner, item) for key, item in value.items()}
    items = [canonical(inner, item) for item in value]
    return sorted(items, key=text) if kind == "set" else items


def canonical_block(block: dict[str, Any], value: Any) -> Any:
    if value is None or value is UNKNOWN:
        return value
    result = {
        name: canonical(attribute["type"], value.get(name)) for name, attribute in block.get("attributes", {}).items()
    }
    for name, nested in block.get("block_types", {}).items():
        found = value.get(name)
        if isinstance(found, list):
            found = [canonical_block(nested["block"], element) for element in found]
            found = sorted(found, key=text) if nested["nesting_mode"] == "set" else found
        elif isinstance(found, dict):
            found = canonical_block(nested["block"], found)
        result[name] = found
    return result


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def is_equal(block: dict[str, Any], one: Any, other: Any) -> bool:
    return text(canonical_block(block, one)) == text(canonical_block(block, other))


def differences(block: dict[str, Any], prior: dict[str, Any], new: dict[str, Any], at: Path = ()) -> Iterator[Path]:
    """The paths that differ; a set counts as one."""
    for name, attribute in block.get("attributes", {}).items():
        before, after = (canonical(attribute["type"], side.get(name)) for side in (prior, new))
        if text(before) != text(after):
            yield (*at, name)
    for name, nested in block.get("block_types", {}).items():
        yield from _block_differences(nested, prior.get(name), new.get(name), (*at, name))


def _block_differences(nested: dict[str, Any], before: Any, after: Any, at: Path) -> Iterator[Path]:
    block = nested["block"]
    if isinstance(before, dict) and isinstance(after, dict):
        yield from differences(block, before, after, at)
    elif isinstance(before, list) and isinstance(after, list) and nested["nesting_mode"] == "list":
        for position in range(min(len(before), len(after))):
            yield from differences(block, before[position], after[position], (*at, position))
        if len(before) != len(after):
            yield at
    else:
        sides = [
            [canonical_block(block, item) for item in side or []] if side is not UNKNOWN else side
            for side in (before, after)
        ]
        ordered = [sorted(side, key=text) if isinstance(side, list) else side for side in sides]
        if text(ordered[0]) != text(ordered[1]):
            yield at


def dotted(path: Path) -> str:
    return ".".join(step for step in path if isinstance(step, str))


def replacements(block: dict[str, Any], rule: Rule, prior: dict[str, Any], new: dict[str, Any]) -> list[Path]:
    """The changed paths that the type cannot change in place. A changed block counts for what is inside it."""
    found = []
    for path in differences(block, prior, new):
        name = dotted(path)
        if name in rule.force_new or _is_replaced_as_a_whole(block, path, rule):
            found.append(path)
    return found


def _is_replaced_as_a_whole(block: dict[str, Any], path: Path, rule: Rule) -> bool:
    """Whether a block that came or went holds something that cannot change in place."""
    inside = block
    for name in (step for step in path if isinstance(step, str)):
        if name not in inside.get("block_types", {}):
            return False
        inside = inside["block_types"][name]["block"]
    return any(forced.startswith(f"{dotted(path)}.") for forced in rule.force_new)


def resolved(plan: Any, live: Any) -> Any:
    """The plan with what the cloud says in place of every unknown; known values stay as they were planned."""
    if plan is UNKNOWN:
        return live
    if isinstance(plan, dict):
        source = live if isinstance(live, dict) else {}
        return {key: resolved(item, source.get(key)) for key, item in plan.items()}
    if isinstance(plan, list):
        source_list = live if isinstance(live, list) else []
        return [resolved(item, source_list[n] if n < len(source_list) else None) for n, item in enumerate(plan)]
    return plan


def settled(state: Any, live: Any) -> Any:
    """The cloud's values with the state's way to say "nothing": null, "", zero and empty are one."""
    if not state and not live:
        return state
    if isinstance(state, dict) and isinstance(live, dict):
        return {key: settled(state.get(key), item) for key, item in live.items()}
    if isinstance(state, list) and isinstance(live, list) and len(state) == len(live):
        return [settled(one, other) for one, other in zip(state, live, strict=True)]
    return live
