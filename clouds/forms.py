"""Forms for cloud accounts. The rules live in ``services`` and ``credentials``; forms only carry and show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from .credentials import FIELDS, CredentialField, InputProblem
from .models import CloudAccount
from .providers import get_adapter

QUIET = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}


class WriteOnlyInput(forms.PasswordInput):
    """A readable input that is empty again after an error: people swap the key and its secret."""

    input_type = "text"
    template_name = "django/forms/widgets/text.html"


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
    """New keys for an account. Never shows any."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.specs = FIELDS[self.provider]
        for spec in self.specs:
            self.fields[spec.name] = _credential_field(spec)

    def credentials(self) -> dict[str, str]:
        """What was entered, for :func:`services.connect_account`."""
        return {spec.name: self.cleaned_data[spec.name] for spec in self.specs}


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


def _credential_field(spec: CredentialField) -> forms.CharField:
    widget = (
        forms.PasswordInput(attrs={**QUIET, "autocomplete": "new-password"}, render_value=False)
        if spec.is_secret
        else WriteOnlyInput(attrs=QUIET, render_value=False)
    )
    return forms.CharField(label=spec.label, required=spec.is_required, strip=False, help_text=spec.help, widget=widget)
