"""Tokens of a foreign issuer, as clouds read them: whom they are for and whether they still count.

Their signature is not checked: the simulated cloud would have to fetch keys from the platform that starts it. The
platform's own tests check it against the keys it serves.
"""

from __future__ import annotations

import time
from typing import Any

import jwt

NEEDED = ("iss", "sub", "aud", "exp")


class Unacceptable(Exception):
    """Why a token is not taken: "malformed", "audience" or "expired"."""


def claims_of(token: str, audience: str) -> dict[str, Any]:
    """The claims of ``token``, which must be addressed to ``audience``. Raises :class:`Unacceptable`."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        is_over = float(claims["exp"]) <= time.time()
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise Unacceptable("malformed") from None
    if not all(claims.get(name) for name in NEEDED):
        raise Unacceptable("malformed")
    if claims["aud"] != audience:
        raise Unacceptable("audience")
    if is_over:
        raise Unacceptable("expired")
    return claims
