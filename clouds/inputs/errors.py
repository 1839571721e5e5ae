from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputError:
    """``field`` is an input's name, or "" for the inputs as a whole; ``detail`` is a sentence for people."""

    field: str
    code: str
    detail: str


class InvalidInputs(Exception):
    """Inputs that were refused; nothing was written. ``errors`` has at least one entry."""

    def __init__(self, errors: Sequence[InputError]) -> None:
        super().__init__(" ".join(f"{one.field}: {one.detail}" if one.field else one.detail for one in errors))
        self.errors = list(errors)
