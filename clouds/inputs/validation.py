"""The one check of inputs: clean, compare with the version's JSON Schema, fill in the defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from clouds.catalogue import chosen, resolved
from clouds.manifest import Input, Manifest
from clouds.models import OfferingVersion

from . import formats
from .errors import InputError, InvalidInputs

NAME = re.compile(r"[a-z](?:-?[a-z0-9]+)*", re.ASCII)
NAME_LENGTH = (3, 40)
MAX_GIVEN = 50  # inputs in one order; no module has nearly as many
MAX_TEXT = 20_000
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
TYPE_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list of texts",
}


def validate_name(name: object) -> str:
    """The name of a resource, if it can be one on every cloud. Raises :class:`InvalidInputs` for field ``name``."""
    shortest, longest = NAME_LENGTH
    if not isinstance(name, str) or not shortest <= len(name) <= longest or not NAME.fullmatch(name):
        detail = (
            f"A name has {shortest} to {longest} lower-case letters, digits and single hyphens, starts with a letter "
            "and does not end with a hyphen."
        )
        raise InvalidInputs([InputError("name", "invalid", detail)])
    return name


def validate_inputs(version: OfferingVersion, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """``inputs`` in normal form, with every default filled in. None counts as not given.

    Raises :class:`InvalidInputs` with every error found; never anything else, whatever the values are.
    """
    manifest = Manifest(version.manifest)
    _refuse_unknown(manifest, inputs)
    errors: list[InputError] = []
    given: dict[str, Any] = {}
    for name, one in manifest.inputs.items():
        if inputs.get(name) is None:
            continue
        try:
            given[name] = _normal(one, inputs[name], version.schema["properties"][name])
        except ValueError as error:
            errors.append(InputError(name, "invalid", str(error)))
    found = {one.field for one in errors}
    errors += [one for one in _schema_errors(version, manifest, given) if one.field not in found]
    errors += [] if errors else _architecture_errors(version, given)
    if errors:
        raise InvalidInputs(errors)
    return {**_defaults(version, manifest, given), **given}


def _refuse_unknown(manifest: Manifest, inputs: Mapping[str, Any]) -> None:
    unknown = [str(name) for name in list(inputs)[: MAX_GIVEN + 1] if name not in manifest.inputs]
    if unknown:
        known = ", ".join(manifest.inputs)
        raise InvalidInputs(
            [
                InputError(_printable(name), "unknown", f"There is no such input; there are: {known}.")
                for name in unknown
            ]
        )


def _printable(text: str) -> str:
    return CONTROL.sub("?", text[:60])


def _normal(one: Input, value: Any, rule: Mapping[str, Any]) -> Any:
    """``value`` in its normal form if its type allows; the schema judges the rest. Raises ``ValueError``."""
    if isinstance(value, str):
        return _normal_text(one, value) if rule["type"] == "string" else value
    if isinstance(value, list) and rule["type"] == "array":
        if len(value) > rule["maxItems"]:
            raise ValueError(f"At most {rule['maxItems']} entries.")
        if not all(isinstance(item, str) for item in value):
            raise ValueError(f"Must be {TYPE_WORDS['array']}.")
        return list(dict.fromkeys(_normal_text(one, item) for item in value))
    if isinstance(value, float) and value.is_integer() and rule["type"] == "integer" and abs(value) < 2**53:
        return int(value)
    return value


def _normal_text(one: Input, value: str) -> str:
    if len(value) > MAX_TEXT:
        raise ValueError(f"At most {one.max_length or MAX_TEXT} characters.")
    if CONTROL.search(value):
        raise ValueError("Holds characters that cannot be printed.")
    text = value.strip()
    if one.format == "cidr":
        return formats.cidr(text)
    if one.format == "ssh-public-key":
        return formats.ssh_public_key(text, one.key_types)
    return text


def _schema_errors(version: OfferingVersion, manifest: Manifest, given: Mapping[str, Any]) -> Iterator[InputError]:
    """One error per input: the first the schema finds."""
    properties = version.schema["properties"]
    for name, value in given.items():
        error = next(Draft202012Validator(properties[name]).iter_errors(value), None)
        if error is not None:
            yield InputError(name, _code(error), _words(error, properties[name]))
    for name in version.schema["required"]:
        if name not in given:
            yield InputError(name, "required", "This is needed.")
    for name, other in manifest.replacements:
        if (name in given) == (other in given):
            yield _alternative_error(manifest.inputs[name], manifest.inputs[other], is_both=name in given)


def _alternative_error(one: Input, other: Input, *, is_both: bool) -> InputError:
    if is_both:
        return InputError(one.name, "conflict", f"Give either {one.name} or {other.name}, not both.")
    return InputError(other.name, "required", f"This is needed, or {one.name} instead.")


def _code(error: ValidationError) -> str:
    return {"type": "type", "oneOf": "choice"}.get(str(error.validator), "invalid")


def _words(error: ValidationError, rule: Mapping[str, Any]) -> str:
    """The schema's finding in words; jsonschema's own would quote the value at any length."""
    limit, unit = error.validator_value, f" {rule['unit']}" if "unit" in rule else ""
    known = {
        "type": lambda: f"Must be {TYPE_WORDS[rule['type']]}.",
        "oneOf": lambda: f"Choose one of: {', '.join(row['const'] for row in rule['oneOf'])}.",
        "minimum": lambda: f"At least {limit}{unit}.",
        "maximum": lambda: f"At most {limit}{unit}.",
        "maxLength": lambda: f"At most {limit} characters.",
        "maxItems": lambda: f"At most {limit} entries.",
    }
    return known.get(str(error.validator), lambda: "This is not valid.")()


def _architecture_errors(version: OfferingVersion, given: Mapping[str, Any]) -> list[InputError]:
    """Whether what was chosen has a processor architecture in common, as far as the choices say."""
    values = resolved(version, {**version_defaults(version), **given})
    rows = {name: chosen(version, name, value) for name, value in values.items()}
    demanding = {name: row for name, row in rows.items() if "arch" in row}
    if not demanding or set.intersection(*(set(row["arch"]) for row in demanding.values())):
        return []
    last = list(demanding)[-1]
    titles = " and ".join(str(row["title"]) for row in demanding.values())
    return [InputError(last, "incompatible", f"These do not go together (processor architecture): {titles}.")]


def version_defaults(version: OfferingVersion) -> dict[str, Any]:
    """What each input is when it is not given, where it may be left out."""
    return {name: rule["default"] for name, rule in version.schema["properties"].items() if "default" in rule}


def _defaults(version: OfferingVersion, manifest: Manifest, given: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults, without those of an input that another given one stands in for."""
    replaced = {other for name, other in manifest.replacements if name in given}
    return {name: value for name, value in version_defaults(version).items() if name not in replaced}
