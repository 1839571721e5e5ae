"""Forms for cloud accounts. The rules live in ``services`` and ``credentials``; forms only carry and show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from .credentials import CredentialField, CredentialMethod, InputProblem
from .models import CloudAccount
from .providers import get_adapter
from .uploads import LIMIT, text_of

QUIET = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
FILE = "_file"  # what the name of a field's upload ends with


class WriteOnlyInput(forms.PasswordInput):
    """A readable input that is empty again after an error: people swap the key and its secret."""

    input_type = "text"
    template_name = "django/forms/widgets/text.html"


class WriteOnlyArea(forms.Textarea):
    """A text area that is empty again after an error."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class ProblemForm(forms.Form):
    """A form about one provider that can show what a service refused."""

    def __init__(self, *args: Any, provider: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider = provider

    def add_problems(self, problems: Iterable[InputProblem]) -> None:
        """Put each problem next to the field it is about, or on top."""
        for problem in problems:
            name = problem.field.removeprefix("credentials.")
            self.add_error(name if name in self.fields else None, problem.detail)


class CredentialsForm(ProblemForm):
    """New credentials of one method for an account. Never shows any secret."""

    def __init__(self, *args: Any, method: CredentialMethod, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.method = method
        for spec in method.fields:
            self.fields[spec.name] = _credential_field(spec, is_kept=method.is_keyless)
            if spec.is_file:
                self.fields[spec.name + FILE] = _file_field()

    def clean(self) -> dict[str, Any]:
        """Take each uploaded file for what could have been pasted."""
        for spec in self.method.fields:
            if spec.is_file and spec.name not in self.errors:
                self._take_file(spec)
        return self.cleaned_data

    def shown_fields(self) -> list[forms.BoundField]:
        """The credentials' fields in their order, each with its upload."""
        names = [spec.name + end for spec in self.method.fields for end in ("", FILE)]
        return [self[name] for name in names if name in self.fields]

    def credentials(self) -> dict[str, str]:
        """What was entered, for :func:`services.connect_account`."""
        return {"method": self.method.name, **{spec.name: self.cleaned_data[spec.name] for spec in self.method.fields}}

    def _take_file(self, spec: CredentialField) -> None:
        file = self.cleaned_data.get(spec.name + FILE)
        if file is None:
            if not self.cleaned_data.get(spec.name) and spec.name + FILE not in self.errors:
                self.add_error(spec.name, "Paste it, or choose its file below.")
            return
        if self.cleaned_data.get(spec.name):
            self.add_error(spec.name + FILE, "Either paste it or choose a file, not both.")
        elif (file.size or 0) > LIMIT:
            self.add_error(spec.name + FILE, "This file is far too large for a key file, which has about 2 kB.")
        else:
            try:
                self.cleaned_data[spec.name] = text_of(file.read())
            except ValueError as error:
                self.add_error(spec.name + FILE, str(error))


class AccountForm(ProblemForm):
    """An account's name and default region."""

    name = forms.CharField(max_length=80, help_text="How your team calls this account: “production”, “sandbox”.")
    default_region = forms.ChoiceField(
        required=False, help_text="Chosen in advance in order forms. Any other region can still be ordered."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        regions = [(name, name) for name in get_adapter(self.provider).regions()]
        self.fields["default_region"].choices = [("", "None"), *regions]  # type: ignore[attr-defined]


class ConnectForm(AccountForm, CredentialsForm):
    """Everything a new account needs."""

    field_order = ("name",)


class EditForm(AccountForm):
    def __init__(self, *args: Any, account: CloudAccount, **kwargs: Any) -> None:
        initial = {"name": account.name, "default_region": account.default_region}
        super().__init__(*args, provider=account.provider, initial=initial, **kwargs)


def _credential_field(spec: CredentialField, *, is_kept: bool) -> forms.CharField:
    """``is_kept``: there is no secret among the values, so what was entered may be shown again after an error."""
    widget: forms.Widget
    if spec.is_file:
        widget = WriteOnlyArea(attrs={**QUIET, "rows": 6})
    elif spec.is_secret:
        widget = forms.PasswordInput(attrs={**QUIET, "autocomplete": "new-password"}, render_value=False)
    else:
        widget = WriteOnlyInput(attrs=QUIET, render_value=is_kept)
    is_required = spec.is_required and not spec.is_file
    return forms.CharField(label=spec.label, required=is_required, strip=False, help_text=spec.help, widget=widget)


def _file_field() -> forms.FileField:
    return forms.FileField(
        label="or its file",
        required=False,
        allow_empty_file=True,
        help_text="Read in memory, never written to disk.",
        widget=forms.FileInput(attrs={"accept": "application/json,.json"}),
    )
