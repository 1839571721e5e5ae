from collections.abc import Iterator
from contextlib import contextmanager

from accounts.services import Refused, RoleTooHigh, WrongEmail

from .problems import Problem

FORBIDDEN = (RoleTooHigh, WrongEmail)


@contextmanager
def translated() -> Iterator[None]:
    """Turn a service's refusal into a problem: 403 when it is about the caller's role or address, else 409."""
    try:
        yield
    except Refused as refusal:
        code = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(refusal).__name__)
        raise Problem(403 if isinstance(refusal, FORBIDDEN) else 409, code.lstrip("_"), str(refusal)) from refusal
