"""The worker's side of a run: claim it, work through its steps, finish it."""

from .claiming import claim_next
from .finishing import end_as, finish
from .presence import Presence, here, works_on
from .steps import STEPS, execute, run_next

__all__ = ["STEPS", "Presence", "claim_next", "end_as", "execute", "finish", "here", "run_next", "works_on"]
