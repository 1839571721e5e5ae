"""Where an organization wants its alerts: made, changed, tried out and taken away. Everything is audited.

An address and a secret go in and never come out again: ``hint`` is what is shown, and a secret is returned once.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts import audit
from accounts.actors import Actor
from accounts.models import Membership, Organization, Right

from . import safe_http
from .deliveries import team_channel
from .deliveries.team import TEAM_NAME
from .models import AlertKind, Channel, ChannelKind, Delivery, DeliveryStatus, Severity
from .models.alerts import ChannelQuerySet
from .outbox import announce, ring
from .services import account_of, lock_account

MAX_CHANNELS = 30  # of one organization
MAX_NAME = 80
OVERLAP = timedelta(hours=24)  # how long an old secret signs beside the new one
LOOK_UP = 3.0  # seconds; a name that takes longer is judged when something is sent
MADE = (ChannelKind.EMAIL, ChannelKind.WEBHOOK, ChannelKind.SLACK)  # by people; the team's is there by itself
TEST_TEXT = "This is a test: {who} asked for it. Alerts about budgets and credit will arrive here like this one."


class NotPossible(Exception):
    """The present state is in the way; the message is a sentence for the person who asked."""


def channels_of(actor: Actor) -> ChannelQuerySet:
    """The organization's channels; the owners' and admins' own is among them from the first look on."""
    team_channel(account_of(actor.tenant))
    return Channel.objects.visible_to(actor)


@sensitive_variables("address", "secret")
def create_channel(*, actor: Actor, name: str, kind: str, address: str) -> tuple[Channel, str]:
    """Add a channel; returns it and, for a webhook, the secret that signs what is sent, which is shown only now.

    ``address`` is a member's e-mail address or the URL of a receiver. Raises ``PermissionDenied`` and
    ``ValidationError`` by field.
    """
    actor.require(Right.MANAGE)
    if kind not in MADE:
        raise ValidationError({"kind": f"Choose from: {', '.join(MADE)}."})
    name, (address, hint) = _clean(actor.tenant, name, kind, address)
    secret = _new_secret() if kind == ChannelKind.WEBHOOK else ""
    with transaction.atomic():
        account = lock_account(actor.tenant)
        if account.channels.count() >= MAX_CHANNELS:
            raise ValidationError({"name": f"There are {MAX_CHANNELS} channels already: delete one not needed."})
        fields = {"kind": kind, "address": address, "hint": hint, "secret": secret}
        channel = _save(Channel(account=account, name=name, created_by=actor.user, **fields))
        audit.record(actor, "channel.create", channel, actor.tenant, kind=kind, hint=hint)
    return _seen(actor, channel), secret


@sensitive_variables("address")
def change_channel(
    *,
    actor: Actor,
    channel: Channel,
    name: str | None = None,
    address: str | None = None,
    is_active: bool | None = None,
) -> Channel:
    """Change what is given; what waits for a channel that is switched off is not sent any more.

    Raises ``PermissionDenied``, ``ValidationError`` by field, and :class:`NotPossible` for the name or address of the
    owners' and admins' own channel.
    """
    actor.require(Right.MANAGE)
    if channel.kind == ChannelKind.TEAM and (name is not None or address is not None):
        raise NotPossible(f"“{TEAM_NAME}” can only be switched on and off: it follows who is owner or admin.")
    changes: dict[str, Any] = {}
    if name is not None:
        changes["name"] = _clean_name(name)
    if address is not None:
        changes["address"], changes["hint"] = _clean_address(actor.tenant, channel.kind, address)
    if is_active is not None:
        changes |= {"is_active": is_active, "switched_off_because": ""}
    with transaction.atomic():
        changed = _locked(actor, channel)
        for field, value in changes.items():
            setattr(changed, field, value)
        _save(changed, list(changes))
        told = {field: value for field, value in changes.items() if field in {"name", "hint", "is_active"}}
        audit.record(actor, "channel.change", changed, actor.tenant, **told)
    return _seen(actor, changed)


@sensitive_variables("secret")
def rotate_secret(*, actor: Actor, channel: Channel) -> tuple[Channel, str]:
    """Give a webhook a new secret, returned this once; the one before signs beside it for 24 hours.

    Raises ``PermissionDenied``, and :class:`NotPossible` for a channel that signs nothing.
    """
    actor.require(Right.MANAGE)
    if channel.kind != ChannelKind.WEBHOOK:
        raise NotPossible("Only webhooks are signed.")
    secret, until = _new_secret(), timezone.now() + OVERLAP
    with transaction.atomic():
        changed = _locked(actor, channel)
        fields = {"previous_secret": _readable_secret(changed), "secret": secret, "previous_secret_until": until}
        for field, value in fields.items():
            setattr(changed, field, value)
        changed.save(update_fields=list(fields))
        audit.record(actor, "channel.rotate-secret", changed, actor.tenant)
    return _seen(actor, changed), secret


def _readable_secret(channel: Channel) -> str:
    """The present secret; empty when no key of the platform opens it any more, for which a new one is the cure."""
    try:
        return channel.secret
    except InvalidToken:
        return ""


@transaction.atomic
def delete_channel(*, actor: Actor, channel: Channel) -> None:
    """Delete a channel with its delivery log; the alerts stay. Budgets that used it fall back to owners and admins.

    Raises ``PermissionDenied``, and :class:`NotPossible` for the owners' and admins' own.
    """
    actor.require(Right.MANAGE)
    if channel.kind == ChannelKind.TEAM:
        raise NotPossible(f"“{TEAM_NAME}” cannot be deleted, only switched off.")
    locked = _locked(actor, channel)
    audit.record(actor, "channel.delete", locked, actor.tenant, kind=locked.kind, hint=locked.hint)
    locked.delete()


@transaction.atomic
def send_test(*, actor: Actor, channel: Channel) -> Delivery:
    """Put a test on its way. Raises ``PermissionDenied``, :class:`NotPossible` (off, or the last test still waits)."""
    actor.require(Right.MANAGE)
    locked = _locked(actor, channel)
    if not locked.is_active:
        raise NotPossible("This channel is switched off: switch it on first.")
    waiting = locked.deliveries.filter(status=DeliveryStatus.WAITING, alert__kind=AlertKind.TEST)
    if waiting.exists():
        raise NotPossible("The test before is still on its way.")
    alert = announce(
        account=account_of(actor.tenant),
        kind=AlertKind.TEST,
        severity=Severity.INFO,
        key=f"test:{uuid.uuid4()}",
        subject="Test of this channel",
        text=TEST_TEXT.format(who=actor.label),
        data={"channel": locked.name},
        channels=[locked],
    )
    assert alert is not None  # its key is new
    audit.record(actor, "channel.test", locked, actor.tenant)
    return alert.deliveries.with_log().get()


@transaction.atomic
def redeliver(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Send an alert to its channel once more, as a delivery of its own with an id of its own.

    Raises ``PermissionDenied``, :class:`NotPossible` when it is on its way already or the channel is off.
    """
    actor.require(Right.MANAGE)
    channel = _locked(actor, delivery.channel)
    same = Delivery.objects.filter(alert=delivery.alert_id, channel=channel)
    if same.filter(status=DeliveryStatus.WAITING).exists():
        raise NotPossible("This alert is already on its way there.")
    if not channel.is_active:
        raise NotPossible("This channel is switched off: switch it on first.")
    number = (same.aggregate(last=Max("number"))["last"] or 0) + 1
    again = Delivery.objects.create(alert=delivery.alert, channel=channel, number=number)
    audit.record(actor, "delivery.redeliver", again, actor.tenant, number=number)
    ring()
    return Delivery.objects.with_log().get(pk=again.pk)


def member_addresses(organization: Organization) -> list[str]:
    """Whom an e-mail channel can write to: members. Nobody else agreed to get mail from here."""
    members = Membership.objects.filter(organization=organization, user__is_active=True)
    return sorted(members.values_list("user__email", flat=True))


def _clean(organization: Organization, name: str, kind: str, address: str) -> tuple[str, tuple[str, str]]:
    errors: dict[str, Any] = {}
    found = ("", "")
    try:
        name = _clean_name(name)
    except ValidationError as error:
        errors |= error.message_dict
    try:
        found = _clean_address(organization, kind, address)
    except ValidationError as error:
        errors |= error.message_dict
    if errors:
        raise ValidationError(errors)
    return name, found


def _clean_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise ValidationError({"name": f"Give it a name of at most {MAX_NAME} printable characters."})
    if name.casefold() == TEAM_NAME.casefold():
        raise ValidationError({"name": "This is the name of the channel that is there by itself."})
    return name


@sensitive_variables("address")
def _clean_address(organization: Organization, kind: str, address: str) -> tuple[str, str]:
    """The address as it is kept, and its hint. Raises ``ValidationError`` that does not quote it."""
    address = address.strip()
    if kind == ChannelKind.EMAIL:
        known = {each.lower(): each for each in member_addresses(organization)}
        if address.lower() not in known:
            raise ValidationError({"address": "Choose the address of a member. Invite people who are not one yet."})
        name, _, domain = known[address.lower()].partition("@")
        return known[address.lower()], f"{name[:1]}…@{domain}"[:120]
    try:
        target = safe_http.parse(address)
        safe_http.checked_addresses(target.host, target.port, deadline=safe_http.Deadline(LOOK_UP))
    except safe_http.AddressRefused as refusal:
        raise ValidationError({"address": str(refusal)}) from None
    except safe_http.NoAnswer:
        pass  # a name server may be away for a moment; sending says so too, and a test shows it
    return address, f"{target.scheme}://{target.host[:100]}/…"


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


def _locked(actor: Actor, channel: Channel) -> Channel:
    try:
        return Channel.objects.visible_to(actor).select_for_update(of=("self",)).get(pk=channel.pk)
    except Channel.DoesNotExist:
        raise NotPossible("This channel was deleted meanwhile.") from None


def _seen(actor: Actor, channel: Channel) -> Channel:
    """Without what is sealed."""
    return Channel.objects.visible_to(actor).get(pk=channel.pk)


def _save(channel: Channel, fields: list[str] | None = None) -> Channel:
    try:
        with transaction.atomic():
            channel.save(update_fields=fields)
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) != "channel_name_once":
            raise
        raise ValidationError({"name": f"There is a channel named “{channel.name}” already."}) from None
    return channel
