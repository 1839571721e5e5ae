"""One attempt: hand a claimed delivery to its channel and say how it ended."""

from __future__ import annotations

import smtplib
from collections.abc import Callable

from cryptography.fernet import InvalidToken
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from billing import safe_http
from billing.models import Channel, ChannelKind, Delivery

from . import mail, messages
from .outcomes import DELIVERED, Outcome, Verdict, failed, to_retry
from .retrying import asked_wait, is_worth_retrying


def send(delivery: Delivery) -> Outcome:
    """Never raises for what a receiver or a mail server does wrong."""
    if not delivery.channel.is_active:
        return failed("The channel was switched off before this could be sent.")
    try:
        channel = Channel.objects.defer(None).get(pk=delivery.channel_id)  # with what is sealed
    except InvalidToken:
        return failed("The channel's address cannot be read any more: enter it again.")
    except Channel.DoesNotExist:
        return failed("The channel was deleted.")
    return SENDERS[ChannelKind(channel.kind)](delivery, channel)


def _to_team(delivery: Delivery, channel: Channel) -> Outcome:
    addresses = mail.team_addresses(delivery.alert.account.organization)
    return _by_mail(delivery, addresses) if addresses else failed("There is no owner or admin to write to.")


@sensitive_variables("channel")
def _to_member(delivery: Delivery, channel: Channel) -> Outcome:
    if not mail.is_member(delivery.alert.account.organization, channel.address):
        return failed("This address belongs to no member of the organization any more.")
    return _by_mail(delivery, [channel.address])


def _by_mail(delivery: Delivery, addresses: list[str]) -> Outcome:
    try:
        mail.send_mail(delivery, addresses)
    except smtplib.SMTPResponseException as error:
        words = f"The mail server answered {error.smtp_code}."
        return failed(words) if error.smtp_code >= 500 else to_retry(words)
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        words = "The mail server does not accept mail to this address."
        return failed(words) if min(codes, default=500) >= 500 else to_retry(words)
    except (smtplib.SMTPException, OSError):
        return to_retry("The mail server could not be reached.")
    return DELIVERED


@sensitive_variables("channel")
def _to_webhook(delivery: Delivery, channel: Channel) -> Outcome:
    now, body = timezone.now(), messages.webhook_body(delivery)
    headers = messages.webhook_headers(delivery, channel.signing_secrets(now), body, now)
    return _by_post(channel, body, headers)


def _to_slack(delivery: Delivery, channel: Channel) -> Outcome:
    return _by_post(channel, messages.slack_body(delivery), messages.plain_headers(delivery))


@sensitive_variables("channel")
def _by_post(channel: Channel, body: bytes, headers: dict[str, str]) -> Outcome:
    try:
        answer = safe_http.post(channel.address, body, headers)
    except safe_http.AddressRefused as error:
        return failed(str(error))
    except safe_http.NoAnswer as error:
        return to_retry(str(error))
    return outcome_of(answer)


def outcome_of(answer: safe_http.Answer) -> Outcome:
    """What a receiver's answer means."""
    status = answer.status
    if 200 <= status < 300:
        return Outcome(Verdict.DELIVERED, response_status=status)
    if status == 410:
        return Outcome(Verdict.GONE, "The receiver answered that it is gone for good; the channel is off now.", status)
    if is_worth_retrying(status):
        wait = asked_wait(answer.headers.get("retry-after"), timezone.now())
        return Outcome(Verdict.RETRY, WORDS.get(status, "The receiver had a fault."), status, wait)
    if 300 <= status < 400:
        return Outcome(Verdict.FAILED, "The receiver sent us to another address; enter that one.", status)
    return Outcome(Verdict.FAILED, WORDS.get(status, "The receiver did not accept it."), status)


WORDS = {
    401: "The receiver wants to know who we are: a key is missing in the address, or is wrong.",
    403: "The receiver does not let us in: a key is missing in the address, or is wrong.",
    404: "The receiver knows no such address.",
    405: "The receiver does not take messages at this address.",
    408: "The receiver lost patience.",
    413: "The receiver found it too large.",
    429: "The receiver gets too many messages at once.",
    503: "The receiver is not available at the moment.",
}
SENDERS: dict[ChannelKind, Callable[[Delivery, Channel], Outcome]] = {
    ChannelKind.TEAM: _to_team,
    ChannelKind.EMAIL: _to_member,
    ChannelKind.WEBHOOK: _to_webhook,
    ChannelKind.SLACK: _to_slack,
}
