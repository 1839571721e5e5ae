"""What an order needs besides the offering's own inputs."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.actors import Actor
from clouds.inputs import InvalidInputs, validate_name
from clouds.models import CloudAccount, OfferingVersion

from .services import USABLE


class CloudAccountField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    def label_from_instance(self, obj: CloudAccount) -> str:
        simulated = " (simulated)" if obj.is_sandbox and "simulated" not in obj.name.lower() else ""
        unusable = "" if obj.status in USABLE else f": {obj.get_status_display().lower()}"
        return f"{obj.name}{simulated}{unusable}"


class OrderForm(forms.Form):
    """The name of the new resource and the account it is made in."""

    name = forms.CharField(
        help_text="3 to 40 lower-case letters, digits and hyphens. It must be new in your organization.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )
    cloud_account = CloudAccountField(CloudAccount.objects.none(), label="Cloud account", empty_label=None)

    def __init__(self, *args: Any, actor: Actor, version: OfferingVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = CloudAccount.objects.visible_to(actor).filter(provider=version.offering.provider)
        field = self.fields["cloud_account"]
        assert isinstance(field, CloudAccountField)
        field.queryset = accounts
        self.accounts = list(accounts)

    def clean_name(self) -> str:
        try:
            return validate_name(self.cleaned_data["name"])
        except InvalidInputs as refusal:
            raise forms.ValidationError(refusal.errors[0].detail) from refusal

    @property
    def has_usable_account(self) -> bool:
        return any(account.status in USABLE for account in self.accounts)


class ConfirmNameForm(forms.Form):
    """The name of what is to be destroyed or forgotten, typed by hand."""

    confirm_name = forms.CharField(max_length=80, label="Name")

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_confirm_name(self) -> str:
        typed = str(self.cleaned_data["confirm_name"]).strip()
        if typed != self.name:
            raise forms.ValidationError(f"This is not its name. Type: {self.name}")
        return typed
