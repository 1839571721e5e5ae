"""Forms of the account pages. They validate shape; the rules of the business live in ``accounts.services``."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from allauth.core import context
from django import forms
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from . import services
from .actors import Actor
from .models import Role, User
from .models.audit import AuditEventQuerySet
from .origins import meta_of

SESSION_INVITATION = "invitation"  # session key: secret of the invitation somebody came with

LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "No expiry")]


class OrganizationForm(forms.Form):
    name = forms.CharField(
        max_length=120,
        label="Name",
        help_text="Your company or team. People, cloud accounts, resources and credit belong to it.",
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autofocus": True}),
    )


class SignupForm(forms.Form):
    """What sign-up asks beside e-mail and password. allauth mixes it into its own form.

    Whoever comes with an invitation may leave the organization empty: they join the one that invited them.
    """

    organization = forms.CharField(
        max_length=120,
        label="Organization",
        help_text="Your company or team. You can invite others later.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    field_order = ("email", "password1", "organization")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if _is_invited():
            self.fields["organization"].required = False
            self.fields["organization"].label = "Organization (optional)"
            self.fields["organization"].help_text = "Only if you want one of your own beside the one that invited you."

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the user exists."""
        name = self.cleaned_data["organization"]
        if name:
            services.create_organization(user=user, name=name, request_meta=meta_of(request))


class ProfileForm(forms.Form):
    name = forms.CharField(
        max_length=150,
        label="Name",
        help_text="How others see you in lists and in the audit.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class RoleForm(forms.Form):
    """A role the actor may give: none above their own."""

    role = forms.ChoiceField()

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = roles_within(actor)

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class InvitationForm(RoleForm):
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    field_order = ("email", "role")


class TokenForm(RoleForm):
    name = forms.CharField(max_length=100, label="Name", help_text="What will use it: “CI”, “backup job”.")
    days = forms.ChoiceField(choices=LIFETIMES, required=False, initial="90", label="Expires after")
    field_order = ("name", "role", "days")

    def expires_at(self) -> datetime | None:
        """When the token ends; None: never."""
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class AuditFilterForm(forms.Form):
    actor = forms.CharField(required=False, label="Who", max_length=255)
    action = forms.CharField(required=False, label="What", max_length=60)
    target = forms.CharField(required=False, label="On what", max_length=255)
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def narrow(self, events: AuditEventQuerySet) -> AuditEventQuerySet:
        """Only the events that match what was filled in; invalid fields are ignored. Days are days in UTC."""
        given = getattr(self, "cleaned_data", {})
        if who := given.get("actor"):
            events = events.filter(actor_label__icontains=who)
        if what := given.get("action"):
            events = events.filter(action__icontains=what)
        if target := given.get("target"):
            events = events.filter(
                Q(target_label__icontains=target) | Q(target_type__iexact=target) | Q(target_id=target)
            )
        if since := given.get("since"):
            events = events.filter(created_at__gte=timezone.make_aware(datetime.combine(since, time.min)))
        if until := given.get("until"):
            events = events.filter(created_at__lte=timezone.make_aware(datetime.combine(until, time.max)))
        return events


def roles_within(actor: Actor) -> list[tuple[str, str]]:
    """The roles that allow nothing beyond the actor's own, as choices."""
    held = actor.role
    return [(role.value, str(role.label)) for role in Role if held is not None and role.is_at_most(held)]


def _is_invited() -> bool:
    request = context.request
    return request is not None and SESSION_INVITATION in request.session
