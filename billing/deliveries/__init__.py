"""The outbox's way out: claim what is due, send it, keep how it went."""

from .claiming import claim_next, count_due, oldest_due
from .delivering import deliver_due
from .team import team_channel

__all__ = ["claim_next", "count_due", "deliver_due", "oldest_due", "team_channel"]
