"""The channel that every account has by itself."""

from __future__ import annotations

from billing.models import Account, Channel, ChannelKind

TEAM_NAME = "Owners and admins"


def team_channel(account: Account) -> Channel:
    """The account's own channel: an e-mail to whoever is owner or admin when it is sent."""
    channel, _ = Channel.objects.get_or_create(
        account=account, kind=ChannelKind.TEAM, defaults={"name": TEAM_NAME, "hint": "their e-mail addresses"}
    )
    return channel
