"""What receivers get: the webhook's body and its signature, and the form that Slack understands.

The body of a delivery is the same in every attempt; the timestamp, and with it the signature, is each attempt's own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from billing.models import Alert, Delivery, Severity

EMOJI = {Severity.INFO: "ℹ️", Severity.WARNING: "⚠️", Severity.CRITICAL: "🚨"}
SLACK_HEADER = 150  # characters, Slack's limits
SLACK_SECTION = 3000


def webhook_body(delivery: Delivery) -> bytes:
    alert = delivery.alert
    return _json(
        {
            "id": str(alert.pk),
            "delivery": str(delivery.pk),
            "kind": alert.kind,
            "severity": alert.severity,
            "key": alert.key,
            "subject": alert.subject,
            "text": alert.text,
            "data": alert.data,
            "organization": alert.account.organization.slug,
            "created_at": alert.created_at.isoformat(),
        }
    )


def signature(secrets: list[str], timestamp: str, body: bytes) -> str:
    """``v1=<hex>`` per secret, separated by commas: HMAC-SHA256 of "<timestamp>.<body>"."""
    signed = timestamp.encode() + b"." + body
    return ",".join(f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in secrets)


def webhook_headers(delivery: Delivery, secrets: list[str], body: bytes, now: datetime) -> dict[str, str]:
    timestamp = str(int(now.timestamp()))
    return {
        **plain_headers(delivery),
        "Skyvend-Timestamp": timestamp,
        "Skyvend-Signature": signature(secrets, timestamp, body),
    }


def plain_headers(delivery: Delivery) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Skyvend-Alerts/1",
        "Skyvend-Delivery": str(delivery.pk),
    }


def slack_body(delivery: Delivery) -> bytes:
    alert = delivery.alert
    title = f"{EMOJI[Severity(alert.severity)]} {alert.subject}"
    footer = f"{_escaped(str(alert.account.organization))} · <{link(alert)}|Open billing>"
    return _json(
        {
            "text": _escaped(f"{title}\n{alert.text}")[:SLACK_SECTION],
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": title[:SLACK_HEADER], "emoji": True}},
                {"type": "section", "text": {"type": "mrkdwn", "text": _escaped(alert.text or " ")[:SLACK_SECTION]}},
                {"type": "context", "elements": [{"type": "mrkdwn", "text": footer}]},
            ],
        }
    )


def link(alert: Alert) -> str:
    """Where people read more."""
    return str(alert.data.get("url") or f"{settings.SITE_URL}{reverse('billing:overview')}")


def _escaped(text: str) -> str:
    """As Slack's mrkdwn wants it, so that no text can mention everybody or hide a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
