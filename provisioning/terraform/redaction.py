"""Keeps a run's credentials out of everything it says, whatever the module or a provider prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .messages import Event

MASK = "•••"
_SECRET_WORDS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "CREDENTIAL")
_SHORTEST = 8  # characters; shorter values would mask ordinary words


class Redactor:
    """Replaces the values of secret-looking environment variables and the texts of secret files, longest first."""

    def __init__(self, variables: Mapping[str, str], files: Iterable[str] = ()) -> None:
        named = {value for name, value in variables.items() if any(word in name.upper() for word in _SECRET_WORDS)}
        named |= set(files)
        lines = {line.strip() for value in named for line in [value, *value.splitlines()]}
        self._secrets = sorted((text for text in lines if len(text) >= _SHORTEST), key=len, reverse=True)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def event(self, event: Event) -> Event:
        return Event(event.kind, self.text(event.message), event.level, self._deep(event.data))

    def _deep(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self._deep(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._deep(each) for each in value]
        return value
