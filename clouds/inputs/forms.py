"""The order form of a module version, built from its schema and offering.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from clouds.manifest import Input, Manifest
from clouds.models import OfferingVersion

from .errors import InvalidInputs
from .validation import validate_inputs, version_defaults

GROUPS = {"basic": "", "advanced": "Advanced"}
SEPARATOR = re.compile(r"[\s,;]+")


class Unjudged:
    """A field that reads what was entered and leaves judging it to :func:`validate_inputs`."""

    def validate(self, value: Any) -> None:
        """Nothing: not even whether it is there."""


class ChoiceField(Unjudged, forms.ChoiceField):
    pass


class IntegerField(Unjudged, forms.IntegerField):
    pass


class NumberField(Unjudged, forms.FloatField):
    pass


class TextField(Unjudged, forms.CharField):
    pass


class LinesField(Unjudged, forms.CharField):
    """A list of texts, one per line or separated by commas."""

    def to_python(self, value: Any) -> Any:
        return [part for part in SEPARATOR.split(super().to_python(value) or "") if part]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def run_validators(self, value: Any) -> None:
        """Not on the list: CharField's validators expect one text."""


class InputForm(forms.Form):
    """Made by :func:`form_for`; bound when it has ``data``."""

    def __init__(self, version: OfferingVersion, *, data: Mapping[str, Any] | None, initial: Mapping[str, Any]) -> None:
        self.version = version
        self.manifest = Manifest(version.manifest)
        self.entered: dict[str, Any] = {}
        super().__init__(data=data, initial=self._initial(initial))
        for name, one in self.manifest.inputs.items():
            self.fields[name] = self._field(one)

    def inputs(self) -> dict[str, Any]:
        """What was entered, for :func:`validate_inputs`: without empty fields and what cannot even be read."""
        self.is_valid()
        return dict(self.entered)

    def groups(self) -> list[tuple[str, str, list[BoundField]]]:
        """(name, heading, fields) of each group that has fields, the basic one first."""
        inputs = self.manifest.inputs
        found = [
            (group, heading, [self[name] for name in inputs if inputs[name].group == group])
            for group, heading in GROUPS.items()
        ]
        return [group for group in found if group[2]]

    def clean(self) -> dict[str, Any]:
        """Put what the one validation finds next to the fields."""
        cleaned: dict[str, Any] = dict(self.cleaned_data)
        self.entered = self._entered(cleaned)
        unreadable = set(self.errors)
        try:
            validate_inputs(self.version, self.entered)
        except InvalidInputs as invalid:
            for error in invalid.errors:
                if error.field not in unreadable:
                    self.add_error(error.field if error.field in self.fields else None, error.detail)
        return self.cleaned_data

    def _entered(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        entered = {name: value for name, value in cleaned.items() if value not in (None, "")}
        for name, other in self.manifest.replacements:
            if name in entered:  # a select always sends something, also when another field stands in for it
                entered.pop(other, None)
        return entered

    def _initial(self, given: Mapping[str, Any]) -> dict[str, Any]:
        suggested = {name: one.initial for name, one in self.manifest.inputs.items() if one.initial is not None}
        initial = {**suggested, **version_defaults(self.version), **given}
        for name, other in self.manifest.replacements:
            if given.get(name):
                initial.pop(other, None)
        return initial

    def _field(self, one: Input) -> forms.Field:
        rule = self.version.schema["properties"][one.name]
        common: dict[str, Any] = {
            "label": f"{one.label} ({one.unit})" if one.unit else one.label,
            "help_text": one.help,
            "required": one.name in self.version.schema["required"],
        }
        if "oneOf" in rule:
            return ChoiceField(choices=self._choices(one, rule), **common)
        if rule["type"] == "boolean":
            return forms.BooleanField(**{**common, "required": False})
        attributes = _attributes(one, rule)
        if rule["type"] in {"integer", "number"}:
            number = IntegerField if rule["type"] == "integer" else NumberField
            return number(widget=forms.NumberInput(attrs=attributes), **common)
        text = LinesField if rule["type"] == "array" else TextField
        widget = forms.Textarea if one.widget == "textarea" else forms.TextInput
        return text(widget=widget(attrs=attributes), **common)

    def _choices(self, one: Input, rule: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """The choices by geography where they have one, after an empty one where the input may be left out."""
        grouped: dict[str, list[tuple[str, str]]] = {}
        for row in rule["oneOf"]:
            grouped.setdefault(row.get("geography", ""), []).append((row["const"], row["title"]))
        choices: list[tuple[str, Any]] = []
        if one.name not in self.version.schema["required"] and "default" not in rule:
            choices.append(("", self._word_for_none(one)))
        for geography, rows in grouped.items():
            choices += [(geography, rows)] if geography else rows
        return choices

    def _word_for_none(self, one: Input) -> str:
        inputs = self.manifest.inputs
        standing_in = next((inputs[name].label for name, other in self.manifest.replacements if other == one.name), "")
        return f"— {standing_in} instead" if standing_in else "—"


def _attributes(one: Input, rule: Mapping[str, Any]) -> dict[str, Any]:
    """HTML attributes: hints for the browser, never the check."""
    found = {"min": rule.get("minimum"), "max": rule.get("maximum"), "placeholder": one.placeholder or None}
    if one.widget == "textarea":
        found |= {"rows": 3, "spellcheck": "false"}
    return {name: value for name, value in found.items() if value is not None}


def form_for(
    version: OfferingVersion, *, data: Mapping[str, Any] | None = None, initial: Mapping[str, Any] | None = None
) -> InputForm:
    """The form of ``version``: bound to ``data``, or showing ``initial`` over the defaults."""
    return InputForm(version, data=data, initial=initial or {})
