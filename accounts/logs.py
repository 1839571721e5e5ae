"""What never goes into a log line, whoever writes it."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

# Links out of mails open something by themselves. They are logged as paths of requests, also percent-encoded as the
# ``next`` of a sign-in page.
_SLASH = "(?:/|%2[Ff])"
_LINKS = ("invitations/accept/", "password/reset/key/", "confirm-email/")
LINK_SECRET = re.compile(f"({'|'.join(link.replace('/', _SLASH) for link in _LINKS)})[^/%?&#\\s\"']+")


def without_link_secrets(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: masks the secrets of mailed links in every text of a line."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = LINK_SECRET.sub(r"\1•••", value)
    return line
