"""What all credentials have in common: methods made of fields, how one pasted value is cleaned, what can be wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MAX_LENGTH = 10_000  # characters of one value before cleaning; the longest real one, a session token, has about 2,000
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"))  # byte order mark, zero-width, soft hyphen
OIDC, ASSUME_ROLE = "oidc", "assume_role"  # names of methods that the rest of the app asks about

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class InputProblem:
    """What is wrong with one value; ``field`` is its path in the API ("credentials.secret_access_key")."""

    field: str
    code: str
    detail: str


class InvalidCredentials(Exception):
    """What was entered cannot be a cloud account. ``errors`` says why, field by field, without the values."""

    def __init__(self, errors: list[InputProblem]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One value that a provider's credentials are made of."""

    name: str
    label: str
    is_secret: bool
    is_required: bool = True
    help: str = ""
    max_length: int = MAX_LENGTH
    is_file: bool = False  # the form takes it pasted or uploaded


@dataclass(frozen=True, slots=True)
class CredentialMethod:
    """One way to let the platform into an account of a provider."""

    name: str  # in the API, and beside the values where they are stored
    label: str  # where one of them is chosen
    fields: tuple[CredentialField, ...]
    check: Callable[[Values], list[InputProblem]]  # of values that are complete
    hint: Callable[[Mapping[str, str]], str]  # enough to tell credentials apart, too little to use them
    other_names: Mapping[str, str] = field(default_factory=dict)  # as other tools call the fields
    is_keyless: bool = False  # what is stored opens nothing: the other side trusts us by name
    is_offered: Callable[[], bool] = lambda: True
    not_offered: str = ""  # why not, and what to do


def clean_value(spec: CredentialField, value: object) -> str:
    """The value without what pasting adds. Raises ``ValueError`` in words that do not quote it."""
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise ValueError("Must be text.")  # noqa: TRY004  - one error type for all that is wrong with a value
    if len(value) > spec.max_length:
        raise ValueError("This is far too long; paste only the value itself.")
    value = value.translate(INVISIBLE).strip().strip("\"'").strip()
    if spec.is_file and "\x00" in value:
        raise ValueError("This holds NUL characters: it was saved as UTF-16, or is no text. Save it as UTF-8.")
    if not value and spec.is_required:
        raise ValueError("Is required.")
    return value


def invalid(name: str, detail: str, code: str = "invalid") -> InputProblem:
    """A problem of the credential ``name``."""
    return InputProblem(f"credentials.{name}", code, detail)


def shortened(name: str) -> Callable[[Mapping[str, str]], str]:
    """A hint made of both ends of the value ``name``: "AKIA…MPLE"."""
    return lambda values: f"{values[name][:4]}…{values[name][-4:]}"
