"""The form of a channel. The rules live in ``billing.channels``; the form carries what is typed and shows errors."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from .channels import MAX_NAME
from .models import Channel, ChannelKind

QUIET = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
KEPT = "It is not shown again. Leave this empty to keep it."
HELP = {
    ChannelKind.EMAIL: "Only members get mail from here. Invite people who are not one yet.",
    ChannelKind.WEBHOOK: "An https address on the public internet that takes POST requests with JSON.",
    ChannelKind.SLACK: "The incoming webhook of a Slack channel, or of any chat that takes Slack’s format.",
}


class Unshown(forms.TextInput):
    """Empty again after an error: an address may be a key."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class ChannelForm(forms.Form):
    """A new channel of one kind, or another name and address for one; an address is never shown again."""

    name = forms.CharField(
        max_length=MAX_NAME, help_text="How your team calls it: “On-call”, “Finance”.", widget=forms.TextInput(QUIET)
    )

    def __init__(self, data: Any, *, kind: ChannelKind, members: list[str], channel: Channel | None = None) -> None:
        super().__init__(data, initial={"name": channel.name} if channel else None)
        self.fields["address"] = _address(kind, members, channel)

    def values(self) -> dict[str, Any]:
        """What the services take, of a valid form; an empty address stays as it is."""
        address = self.cleaned_data["address"]
        return {"name": self.cleaned_data["name"], **({"address": address} if address else {})}

    def add_refusal(self, refusal: ValidationError) -> None:
        """Each error of the service at its field."""
        for name, messages in refusal.message_dict.items():
            for message in messages:
                self.add_error(name if name in self.fields else None, message)


def _address(kind: ChannelKind, members: list[str], channel: Channel | None) -> forms.Field:
    is_required = channel is None
    if kind == ChannelKind.EMAIL:
        first = ("", "Choose a member" if channel is None else f"As before: {channel.hint}")
        choices = [first, *((address, address) for address in members)]
        return forms.ChoiceField(label="Member", choices=choices, required=is_required, help_text=HELP[kind])
    words = HELP[kind] if channel is None else f"{HELP[kind]} {KEPT}"
    widget = Unshown({**QUIET, "inputmode": "url", "placeholder": "https://"})
    return forms.CharField(label="Address", max_length=2000, required=is_required, help_text=words, widget=widget)
