"""Pages of channels: where alerts go. Their delivery logs are in ``deliveries``."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of
from accounts.guards import requires
from accounts.models import Right
from billing import channels
from billing.channel_forms import ChannelForm
from billing.models import Channel, ChannelKind

from .deliveries import channel_page, visible_channel


@require_safe
@requires(Right.VIEW)
def channel_list(request: HttpRequest) -> HttpResponse:
    """Every channel with how its last delivery went; an organization has at most thirty."""
    rows = channels.channels_of(actor_of(request)).with_last_delivery()
    return render(request, "billing/channel_list.html", {"channels": rows})


@sensitive_post_parameters("address")
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.MANAGE)
@never_cache
def channel_new(request: HttpRequest) -> HttpResponse:
    """A form per kind (``?kind=``); a webhook's secret is on the page that answers, this once."""
    actor, kind = actor_of(request), _kind(request)
    form = _form(request, kind)
    if form.is_bound and form.is_valid():
        try:
            channel, secret = channels.create_channel(actor=actor, kind=kind, **form.values())
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, f"“{channel}” is ready. Send it a test.")
            if secret:
                return channel_page(request, channel, secret=secret, status=201)
            return redirect("billing:channel-detail", channel.pk)
    context = {"kind": kind, "kinds": [ChannelKind(each) for each in channels.MADE]}
    return _form_page(request, form, **context)


@sensitive_post_parameters("address")
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.MANAGE)
def channel_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    channel = visible_channel(request, pk)
    if channel.kind == ChannelKind.TEAM:
        return redirect("billing:channel-detail", channel.pk)
    form = _form(request, ChannelKind(channel.kind), channel)
    if form.is_bound and form.is_valid():
        try:
            channels.change_channel(actor=actor_of(request), channel=channel, **form.values())
        except channels.NotPossible as refusal:
            messages.error(request, str(refusal))
            return redirect("billing:channel-list")
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, "Saved.")
            return redirect("billing:channel-detail", channel.pk)
    return _form_page(request, form, kind=ChannelKind(channel.kind), channel=channel)


@require_POST
@requires(Right.MANAGE)
def channel_switch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """``on=1`` or ``on=0``."""
    channel, is_on = visible_channel(request, pk), request.POST.get("on") == "1"
    try:
        channels.change_channel(actor=actor_of(request), channel=channel, is_active=is_on)
    except channels.NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect("billing:channel-list")
    messages.success(request, f"“{channel}” is {'on' if is_on else 'switched off'}.")
    return redirect("billing:channel-detail", channel.pk)


@require_POST
@requires(Right.MANAGE)
@never_cache
def channel_secret(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A new signing secret, on the page that answers, this once."""
    channel = visible_channel(request, pk)
    try:
        channel, secret = channels.rotate_secret(actor=actor_of(request), channel=channel)
    except channels.NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect("billing:channel-detail", channel.pk)
    return channel_page(request, channel, secret=secret, is_rotated=True)


@require_POST
@requires(Right.MANAGE)
def channel_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    channel = visible_channel(request, pk)
    try:
        channels.delete_channel(actor=actor_of(request), channel=channel)
    except channels.NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect("billing:channel-detail", channel.pk)
    messages.success(request, f"“{channel}” is deleted.")
    return redirect("billing:channel-list")


def _kind(request: HttpRequest) -> ChannelKind:
    asked = request.GET.get("kind")
    return ChannelKind(asked) if asked in channels.MADE else ChannelKind.EMAIL


def _form(request: HttpRequest, kind: ChannelKind, channel: Channel | None = None) -> ChannelForm:
    data = request.POST if request.method == "POST" else None
    members = channels.member_addresses(actor_of(request).tenant)
    return ChannelForm(data, kind=kind, members=members, channel=channel)


def _form_page(request: HttpRequest, form: ChannelForm, **context: Any) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render(request, "billing/channel_form.html", {"form": form, **context}, status=status)
