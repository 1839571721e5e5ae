"""The worker's loop over what is due."""

from __future__ import annotations

import logging
import time

from billing.models import Delivery

from .claiming import claim_next, settle
from .outcomes import Outcome, to_retry
from .sending import send

logger = logging.getLogger(__name__)

STINT = 5.0  # seconds; then the worker may stop, or another go on


def deliver_due(*, seconds: float = STINT) -> bool:
    """Deliver what is due, one after the other, for about ``seconds``; True when nothing was left to claim."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        delivery = claim_next()
        if delivery is None:
            return True
        started = time.monotonic()
        outcome = _attempt(delivery)
        settle(delivery, outcome, int((time.monotonic() - started) * 1000))
        _log(delivery, outcome)
    return False


def _attempt(delivery: Delivery) -> Outcome:
    try:
        return send(delivery)
    except Exception:
        # a fault of ours must neither lose this alert nor hold up the others
        logger.exception("an alert could not be sent", extra={"delivery": str(delivery.pk)})
        return to_retry("A fault of the platform; its operators have been told.")


def _log(delivery: Delivery, outcome: Outcome) -> None:
    logger.info(
        "alert delivery %s: attempt %d, %s %s",
        delivery.pk, delivery.attempts, outcome.verdict.name.lower(), outcome.response_status or outcome.error,
    )  # fmt: skip
