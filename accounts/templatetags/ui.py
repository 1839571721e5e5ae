"""Template tags every page uses. They are builtins: templates need no {% load %}."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django import template
from django.forms import BoundField, CheckboxInput, Select
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

NO_BREAK = "\u00a0"
UNITS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


class Look(NamedTuple):
    """How a status is shown: always a word, a colour and an icon together."""

    word: str
    tone: str  # ok, busy, wait, bad, warn, off: see app.css
    icon: str


STATUS_ICONS = {
    # resources
    "pending": Look("Pending", "wait", "clock"),
    "provisioning": Look("Provisioning", "busy", "loader-2"),
    "active": Look("Active", "ok", "circle-check"),
    "updating": Look("Updating", "busy", "loader-2"),
    "stopped": Look("Stopped", "off", "player-pause"),
    "destroying": Look("Destroying", "busy", "loader-2"),
    "destroyed": Look("Destroyed", "off", "trash"),
    "failed": Look("Failed", "bad", "circle-x"),
    "orphaned": Look("Forgotten", "off", "unlink"),
    # runs
    "queued": Look("Queued", "wait", "clock"),
    "preparing": Look("Preparing", "busy", "loader-2"),
    "planning": Look("Planning", "busy", "loader-2"),
    "awaiting_approval": Look("Awaiting approval", "warn", "hand-stop"),
    "applying": Look("Applying", "busy", "loader-2"),
    "succeeded": Look("Succeeded", "ok", "circle-check"),
    "canceled": Look("Canceled", "off", "ban"),
    "lost": Look("Lost", "bad", "plug-connected-x"),
    # cloud accounts
    "unverified": Look("Not verified", "wait", "help-circle"),
    "verified": Look("Verified", "ok", "shield-check"),
    "limited": Look("Permissions missing", "warn", "alert-triangle"),
    "refused": Look("Refused", "bad", "shield-x"),
    # unusual costs
    "unusual": Look("Unusual", "warn", "alert-triangle"),
    "unseen": Look("New", "warn", "alert-triangle"),
    "acknowledged": Look("Acknowledged", "ok", "circle-check"),
    # budgets, alerts
    "on_track": Look("On track", "ok", "circle-check"),
    "threshold_reached": Look("Threshold reached", "warn", "bell"),
    "will_exceed": Look("Likely to exceed", "warn", "trending-up"),
    "used_up": Look("Used up", "bad", "alert-circle"),
    "info": Look("Information", "busy", "info-circle"),
    "warning": Look("Warning", "warn", "alert-triangle"),
    "critical": Look("Critical", "bad", "alert-circle"),
    "waiting": Look("Waiting", "wait", "clock"),
    "delivered": Look("Delivered", "ok", "circle-check"),
    "on": Look("On", "ok", "circle-check"),
    "off": Look("Switched off", "off", "bell-off"),
    # invitations, tokens, organizations, holds, workers
    "open": Look("Open", "wait", "mail"),
    "accepted": Look("Accepted", "ok", "circle-check"),
    "expired": Look("Expired", "off", "clock-off"),
    "revoked": Look("Revoked", "off", "ban"),
    "live": Look("Live", "ok", "circle-check"),
    "suspended": Look("Suspended", "bad", "lock"),
    "held": Look("Held", "wait", "lock"),
    "settled": Look("Settled", "ok", "circle-check"),
    "released": Look("Released", "off", "lock-open"),
}
KIND_ICONS = {"vm": "server", "bucket": "bucket", "kubernetes": "topology-star-3"}
PROVIDER_ICONS = {"aws": "brand-aws", "azure": "brand-azure", "gcp": "brand-google"}
MESSAGE_ICONS = {
    "success": "circle-check",
    "info": "info-circle",
    "warning": "alert-triangle",
    "error": "alert-circle",
    "debug": "bug",
}


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """A Tabler outline icon from the sprite. Decorative unless ``label`` is given."""
    href = f"{static('vendor/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon {}" role="img" aria-label="{}"><use href="{}"></use></svg>', css, label, href
        )
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}"></use></svg>', css, href)


@register.filter
def kind_icon(kind: str) -> str:
    """The icon name of an offering's kind: ``{% icon resource.kind|kind_icon %}``."""
    return KIND_ICONS.get(kind, "box")


@register.filter
def provider_icon(provider: str) -> str:
    """The icon name of a cloud provider."""
    return PROVIDER_ICONS.get(provider, "cloud")


@register.filter
def message_icon(level: str) -> str:
    """The icon name of a message level (``message.level_tag``)."""
    return MESSAGE_ICONS.get(level, "info-circle")


@register.simple_tag
def status(value: str, word: str = "") -> SafeString:
    """A badge with word, colour and icon. ``word`` overrides the usual word of ``value``."""
    plain = str(getattr(value, "value", value))
    look = STATUS_ICONS.get(plain) or Look(plain.replace("_", " ").capitalize(), "off", "circle")
    picture = icon(look.icon, "spin" if look.icon == "loader-2" else "")
    return format_html(
        '<span class="badge-status tone-{}" data-status="{}">{}{}</span>', look.tone, plain, picture, word or look.word
    )


@register.simple_tag
def ago(moment: datetime | None, empty: str = "never") -> SafeString:
    """A <time> in relative words; the absolute time (UTC) on hover. app.js keeps it current."""
    if moment is None:
        return format_html('<span class="text-secondary">{}</span>', empty)
    utc = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        utc.isoformat(),
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
        relative(moment - timezone.now()),
    )


def relative(distance: timedelta) -> str:
    """``distance`` from now in words: "3 min ago", "in 2 days"."""
    seconds = int(distance.total_seconds())
    size = abs(seconds)
    if size < 10:
        return "just now"
    unit, length = next((unit, length) for unit, length in UNITS if size >= length)
    count = (size + length // 2) // length if seconds > 0 else size // length  # "in 90 days", not "in 89 days"
    words = f"{count} {unit}{'s' if unit == 'day' and count != 1 else ''}"
    return f"in {words}" if seconds > 0 else f"{words} ago"


@register.filter
def duration(value: timedelta | float | None) -> str:
    """Seconds or a timedelta as "1 h 2 min", "1 min 12 s", "8 s"; nothing for None."""
    if value is None:
        return ""
    seconds = int(value.total_seconds() if isinstance(value, timedelta) else value)
    hours, rest = divmod(seconds, 3_600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if minutes else f"{left} s"


@register.filter
def money(amount: Decimal | str | float | None, currency: str = "USD") -> str:
    """An amount with its currency: two decimals; below 1, as many as its price has (at most 6)."""
    try:
        exact = Decimal(str(amount))
    except InvalidOperation:
        return ""
    digits = 2
    if 0 < abs(exact) < 1:
        digits = min(6, max(2, -int(exact.normalize().as_tuple().exponent)))
    return f"{exact:,.{digits}f}{NO_BREAK}{currency}"


@register.simple_tag
def copy_button(value: Any, label: str = "Copy") -> SafeString:
    """A button that puts ``value`` on the clipboard (app.js)."""
    return format_html(
        '<button type="button" class="btn btn-icon btn-ghost-secondary btn-sm copy-button" data-copy="{}"'
        ' aria-label="{}" title="{}">{}{}</button>',
        value,
        label,
        label,
        icon("copy", "when-idle"),
        icon("check", "when-done"),
    )


COPY_ICONS = ("copy", "check")


@register.inclusion_tag("_nav_item.html", takes_context=True)
def nav_item(context: template.Context, url_name: str, picture: str, text: str, exact: bool = False) -> dict[str, Any]:
    """One entry of the sidebar, marked as current on its own page and, unless ``exact``, on those below it."""
    try:
        url = reverse(url_name)
    except NoReverseMatch:
        url = "#"
    path = context["request"].path if "request" in context else ""
    is_current = path == url if exact else url != "#" and path.startswith(url)
    return {"url": url, "picture": picture, "text": text, "is_current": is_current}


NAV_ICONS = (
    "layout-dashboard",
    "server-2",
    "activity",
    "cloud",
    "credit-card",
    "chart-area-line",
    "target",
    "bell",
    "send",
    "users",
    "key",
    "history",
    "api",
    "tool",
)


@register.filter
def thing(model_name: str) -> str:
    """The name of a kind of row for people: "apitoken" is "API token"."""
    return THINGS.get(model_name, model_name)


THINGS = {
    "apitoken": "API token",
    "cloudaccount": "cloud account",
    "ledgerentry": "ledger entry",
    "offeringversion": "offering version",
    "stateversion": "state version",
    "membership": "member",
}


@register.filter
def widget_kind(field: BoundField) -> str:
    """Give "check", "select" or "text": which Bootstrap class a form field needs."""
    widget = field.field.widget
    if isinstance(widget, CheckboxInput):
        return "check"
    return "select" if isinstance(widget, Select) else "text"
