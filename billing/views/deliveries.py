"""A channel's page: what was sent to it and how that went, a test, and delivering again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import actor_of
from accounts.guards import requires
from accounts.models import Right
from billing import channels
from billing.deliveries.retrying import MOST_ATTEMPTS
from billing.models import Channel, Delivery, DeliveryStatus

PAGE_SIZE = 25
SOON = timedelta(minutes=1)  # what comes later is not waited for by an open page


@require_safe
@requires(Right.VIEW)
def channel_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The delivery log, narrowed by ``?status=``; HTMX refetches it while something is on its way."""
    return channel_page(request, visible_channel(request, pk))


@require_POST
@requires(Right.MANAGE)
def channel_test(request: HttpRequest, pk: UUID) -> HttpResponse:
    channel = visible_channel(request, pk)
    try:
        channels.send_test(actor=actor_of(request), channel=channel)
    except channels.NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "A test is on its way. How it went is said below.")
    return redirect("billing:channel-detail", channel.pk)


@require_POST
@requires(Right.MANAGE)
def redeliver(request: HttpRequest, pk: UUID) -> HttpResponse:
    delivery = get_object_or_404(Delivery.objects.visible_to(actor_of(request)).with_channel(), pk=pk)
    try:
        channels.redeliver(actor=actor_of(request), delivery=delivery)
    except channels.NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "It is on its way again.")
    return redirect("billing:channel-detail", delivery.channel_id)


def visible_channel(request: HttpRequest, pk: UUID) -> Channel:
    return get_object_or_404(Channel.objects.visible_to(actor_of(request)), pk=pk)


def channel_page(request: HttpRequest, channel: Channel, *, status: int = 200, **context: Any) -> HttpResponse:
    """The page of one channel; ``secret`` in the context is shown with how to use it."""
    log, wanted, now = channel.deliveries.with_log(), request.GET.get("status", ""), timezone.now()
    if wanted in DeliveryStatus.values:
        log = log.filter(status=wanted)
    context |= {
        "channel": channel,
        "budgets": channel.budgets.all(),
        "page_obj": Paginator(log, PAGE_SIZE).get_page(request.GET.get("page")),
        "status": wanted,
        "statuses": DeliveryStatus.choices,
        "is_moving": channel.deliveries.filter(status=DeliveryStatus.WAITING, next_attempt_at__lte=now + SOON).exists(),
        "is_overlapping": channel.previous_secret_until and channel.previous_secret_until > now,
        "most_attempts": MOST_ATTEMPTS,
    }
    is_part = getattr(request, "htmx", False) and request.method == "GET"
    template = "billing/_delivery_log.html" if is_part else "billing/channel_detail.html"
    return render(request, template, context, status=status)
