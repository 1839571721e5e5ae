"""How a simulated cloud says no."""

from __future__ import annotations

from typing import Any


class CloudFault(Exception):
    """An error answer. ``message`` is the whole text the real provider would print.

    ``partial`` is what was made nevertheless: {"id", "attributes"}.
    """

    def __init__(self, status: int, code: str, message: str, *, partial: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.partial = status, code, message, partial

    def as_dict(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        return {"error": error | ({"partial": self.partial} if self.partial else {})}
