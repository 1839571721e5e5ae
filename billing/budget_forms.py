"""The form of a budget. The rules live in ``billing.budgets``; the form carries what is typed and shows errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField

from .budgets import DEFAULT_THRESHOLDS, MAX_PERCENT, MAX_THRESHOLDS, ScopeValues, described
from .models import Basis, Budget, Channel, Period, ScopeKind

ANOTHER_TAG = f"{ScopeKind.TAG}:"
BASES = [(Basis.ACTUAL, "of what was spent"), (Basis.FORECAST, "of the forecast"), (Basis.RUN_RATE, "of the run-rate")]
ROWS_SHOWN = 4  # at least; the others open
FIELD_OF = {"scope": "covers", "value": "covers", "thresholds": "percent_0"}  # where errors of the service belong


class ChannelField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # not generic at run time
    def label_from_instance(self, obj: Channel) -> str:
        off = "" if obj.is_active else ", switched off"
        return f"{obj.name} ({obj.get_kind_display()}, {obj.hint}{off})"


class BudgetForm(forms.Form):
    """A budget: what it covers in one list, its thresholds in rows of which empty ones do not count."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    covers = forms.ChoiceField(label="What it covers")
    tag = forms.CharField(
        max_length=120,
        required=False,
        label="Another tag",
        help_text="As name=value, such as team=data. It counts if “Another tag” is chosen above.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )
    amount = forms.DecimalField(max_digits=18, decimal_places=6, widget=forms.NumberInput(attrs={"step": "any"}))
    period = forms.ChoiceField(choices=[(each.value, f"per {each.label.lower()}") for each in Period])
    is_blocking = forms.BooleanField(required=False, label="Refuse orders that would break it")
    notify = ChannelField(
        Channel.objects.none(),
        required=False,
        label="Tell",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )

    def __init__(
        self, data: Any, *, known: ScopeValues, tags: list[str], channels: Any, budget: Budget | None = None
    ) -> None:
        super().__init__(data, initial=_initial(budget))
        self.thresholds = list(budget.thresholds) if budget else list(DEFAULT_THRESHOLDS)
        covers, notify = self.fields["covers"], self.fields["notify"]
        assert isinstance(covers, forms.ChoiceField)
        assert isinstance(notify, ChannelField)
        covers.choices = _choices(known, tags, budget)
        notify.queryset = channels
        for number in range(MAX_THRESHOLDS):
            self._add_row(number)

    def _add_row(self, number: int) -> None:
        known = self.thresholds[number] if number < len(self.thresholds) else None
        self.fields[f"percent_{number}"] = forms.IntegerField(
            min_value=1,
            max_value=MAX_PERCENT,
            required=False,
            label=f"Threshold {number + 1} in percent",
            initial=known["percent"] if known else None,
        )
        self.fields[f"on_{number}"] = forms.ChoiceField(
            choices=BASES,
            required=False,
            label=f"What threshold {number + 1} is held against",
            initial=known["on"] if known else Basis.ACTUAL,
        )

    def rows(self) -> list[tuple[BoundField, BoundField]]:
        """The rows that are shown at once."""
        return list(self._rows())[: max(ROWS_SHOWN, len(self.thresholds) + 1)]

    def more_rows(self) -> list[tuple[BoundField, BoundField]]:
        return list(self._rows())[len(self.rows()) :]

    def _rows(self) -> Iterator[tuple[BoundField, BoundField]]:
        return ((self[f"percent_{number}"], self[f"on_{number}"]) for number in range(MAX_THRESHOLDS))

    def values(self) -> dict[str, Any]:
        """What the services take, of a valid form."""
        typed = self.cleaned_data
        scope, _, value = typed["covers"].partition(":")
        percents = ((typed[f"percent_{number}"], typed[f"on_{number}"]) for number in range(MAX_THRESHOLDS))
        return {
            "name": typed["name"],
            "scope": scope,
            "value": typed["tag"] if typed["covers"] == ANOTHER_TAG else value,
            "amount": typed["amount"],
            "period": typed["period"],
            "thresholds": [{"percent": percent, "on": on or Basis.ACTUAL} for percent, on in percents if percent],
            "is_blocking": typed["is_blocking"],
            "notify": [channel.pk for channel in typed["notify"]],
        }

    def add_refusal(self, refusal: ValidationError) -> None:
        """Each error of the service at its field."""
        for name, messages in refusal.message_dict.items():
            field = FIELD_OF.get(name, name)
            if name == "value" and self.cleaned_data.get("covers") == ANOTHER_TAG:
                field = "tag"
            for message in messages:
                self.add_error(field if field in self.fields else None, message)


def _initial(budget: Budget | None) -> dict[str, Any]:
    if budget is None:
        return {"covers": f"{ScopeKind.ORGANIZATION}:", "period": Period.MONTHLY}
    return {
        "name": budget.name,
        "covers": f"{budget.scope}:{budget.value}",
        "amount": f"{budget.amount.normalize():f}",
        "period": budget.period,
        "is_blocking": budget.is_blocking,
        "notify": [channel.pk for channel in budget.channels.all()],
    }


def _choices(known: ScopeValues, tags: list[str], budget: Budget | None) -> list[Any]:
    """Everything, then each kind of scope with its values; what the budget covers now is always among them."""
    another = [*((f"{ScopeKind.TAG}:{tag}", tag) for tag in tags), (ANOTHER_TAG, "Another tag")]
    groups = [
        (scope.label, [(f"{scope}:{value}", label) for value, label in known.of(scope).items()])
        for scope in (ScopeKind.PROVIDER, ScopeKind.ACCOUNT, ScopeKind.KIND)
        if known.of(scope)
    ]
    groups.append((ScopeKind.TAG.label, another))
    choices: list[Any] = [(f"{ScopeKind.ORGANIZATION}:", "Everything"), *groups]
    offered = {value for _, group in groups for value, _ in group} | {choices[0][0]}
    if budget is not None and (now := f"{budget.scope}:{budget.value}") not in offered:
        choices.append((now, described(budget.scope, budget.value, known).capitalize()))
    return choices
