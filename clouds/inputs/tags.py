"""Tags of a customer's own ("team=data"): one set of rules under which they are the same on every cloud.

Google's labels are the narrowest (lower case, no dots, 63 characters), so what they take goes everywhere, unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import InputError, InvalidInputs

MAX_TAGS = 20
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
VALUE = re.compile(r"[a-z0-9_-]{1,63}", re.ASCII)
RESERVED = ("skyvend", "goog", "microsoft", "azure", "windows")  # ours, and what Google and Azure keep for themselves
ALLOWED = (
    "Names have 1 to 40 and values 1 to 63 lower-case letters, digits, hyphens and underscores; a name starts with a "
    "letter."
)
SEPARATOR = re.compile(r"[\s,;]+")
AROUND_EQUALS = re.compile(r"\s*=\s*")


def validate_tags(tags: object) -> dict[str, str]:
    """``tags`` as they are kept. Raises :class:`InvalidInputs` for the field ``tags`` with all that is wrong."""
    if not isinstance(tags, Mapping):
        raise _refused(["Give names with their values."])
    if len(tags) > MAX_TAGS:
        raise _refused([f"These are {len(tags)} tags; at most {MAX_TAGS} are allowed."])
    if problems := [problem for name, value in tags.items() if (problem := _problem(name, value))]:
        raise _refused(problems)
    return dict(sorted(tags.items()))


def read_tags(text: str) -> dict[str, str]:
    """The tags in a line like "team=data, env=prod". Raises :class:`InvalidInputs` like :func:`validate_tags`."""
    found: dict[str, str] = {}
    problems = []
    for part in SEPARATOR.split(AROUND_EQUALS.sub("=", text)):
        name, equals, value = part.partition("=")
        if part and not equals:
            problems.append(f"“{_shown(part)}” has no value: write name=value.")
        elif name in found and found[name] != value:
            problems.append(f"“{_shown(name)}” is given twice.")
        elif part:
            found[name] = value
    if problems:
        raise _refused(problems)
    return validate_tags(found)


def tags_as_text(tags: Mapping[str, str]) -> str:
    """The line that :func:`read_tags` reads: "env=prod, team=data"."""
    return ", ".join(f"{name}={value}" for name, value in sorted(tags.items()))


def _problem(name: object, value: object) -> str:
    """What is wrong with one tag, or ""."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"“{_shown(name)}” cannot be a name. {ALLOWED}"
    if name.startswith(RESERVED):
        return f"“{name}” cannot be a name: those that start with {', '.join(RESERVED)} are kept for the platforms."
    if not isinstance(value, str) or not VALUE.fullmatch(value):
        return f"“{_shown(value)}” cannot be the value of “{name}”. {ALLOWED}"
    return ""


def _shown(given: object) -> str:
    """At most 40 printable characters of what was given."""
    text = str(given)[:40]
    return "".join(each if each.isprintable() else "?" for each in text)


def _refused(problems: list[str]) -> InvalidInputs:
    return InvalidInputs([InputError("tags", "invalid", problem) for problem in problems[:5]])
