"""Terraform's values as MessagePack: dict, list (also for sets), str, int, float, bool, None and UNKNOWN."""

from typing import Any, NoReturn

import msgpack

UNKNOWN_EXTENSION = 0
REFINED_EXTENSION = 12  # an unknown of which something is known, such as "not null" or a prefix


class Unknown:
    """A value that is known after the apply. It has no truth value: code that asks for one has forgotten it."""

    def __bool__(self) -> NoReturn:
        raise TypeError("An unknown value is neither true nor false")

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, _memo: object) -> "Unknown":
        return self


UNKNOWN = Unknown()


def decode(data: bytes) -> Any:
    """A MessagePack document as values; empty bytes are null."""
    if not data:
        return None
    return msgpack.unpackb(data, ext_hook=_extension, strict_map_key=False)


def encode(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, default=_packed)
    return packed


def is_wholly_known(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_wholly_known(item) for item in value.values())
    if isinstance(value, list):
        return all(is_wholly_known(item) for item in value)
    return value is not UNKNOWN


def without_unknowns(value: Any) -> Any:
    """The same with null for every unknown: what a cloud is asked for."""
    if isinstance(value, dict):
        return {key: without_unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_unknowns(item) for item in value]
    return None if value is UNKNOWN else value


def _extension(code: int, data: bytes) -> Any:
    if code in {UNKNOWN_EXTENSION, REFINED_EXTENSION}:
        return UNKNOWN
    return msgpack.ExtType(code, data)


def _packed(value: Any) -> Any:
    if value is UNKNOWN:
        return msgpack.ExtType(UNKNOWN_EXTENSION, b"\0")
    raise TypeError(f"Terraform has no value like {type(value).__name__}")
