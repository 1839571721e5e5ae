"""Forms of the account pages. They validate shape; rules of the business live in ``accounts.services``."""

from django import forms
from django.http import HttpRequest

from .models import User


class SignupForm(forms.Form):
    """What sign-up asks beside e-mail and password. allauth mixes it into its own form."""

    organization = forms.CharField(
        max_length=120,
        label="Organization",
        help_text="Your company or team. You can invite others later.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the user exists."""
        raise NotImplementedError
