"""Alerts by e-mail."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Membership, Organization, Right, Role
from billing.models import Delivery

from .messages import link


def team_addresses(organization: Organization) -> list[str]:
    """Of whoever may manage the organization now."""
    roles = [role for role in Role if role.allows(Right.MANAGE)]
    return _members(organization, roles=roles)


def is_member(organization: Organization, address: str) -> bool:
    return address.lower() in {each.lower() for each in _members(organization, roles=list(Role))}


def send_mail(delivery: Delivery, addresses: list[str]) -> None:
    """Hand one message to the mail server; its Message-ID is the delivery's. Raises what ``smtplib`` raises."""
    alert = delivery.alert
    context = {"alert": alert, "organization": alert.account.organization, "link": link(alert)}
    message = EmailMultiAlternatives(
        subject=f"[{alert.account.organization}] {alert.subject}",
        body=render_to_string("billing/alert_mail.txt", context),
        to=addresses,
        headers={"Message-ID": message_id(delivery), "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string("billing/alert_mail.html", context), "text/html")
    message.send()


def message_id(delivery: Delivery) -> str:
    """The same in every attempt, so that mail programs can tell doubles."""
    return f"<{delivery.pk}@{urlsplit(settings.SITE_URL).hostname or 'skyvend.invalid'}>"


def _members(organization: Organization, *, roles: list[Role]) -> list[str]:
    members = Membership.objects.filter(organization=organization, role__in=roles, user__is_active=True)
    return sorted(members.values_list("user__email", flat=True))
