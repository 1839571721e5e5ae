"""What a simulated cloud has to be, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from werkzeug.wrappers import Request, Response

from .store import Object

Attributes = dict[str, Any]
Gate = Callable[[str, str], bool]  # (type, operation): counts the call for the faults; see Faults.before


@dataclass(frozen=True)
class Caller:
    """Who asks: the principal behind a token, its subscription or project, and the actions it may not do."""

    name: str  # client id, or e-mail of the service account
    scope: str
    denied: frozenset[str] = frozenset()


class Cloud(Protocol):
    """Each method raises ``CloudFault`` with the words of the real cloud."""

    name: str

    def create(self, type_: str, attributes: Attributes, scope: Mapping[str, str], caller: Caller) -> Object: ...

    def read(self, type_: str, id_: str, caller: Caller) -> Object: ...

    def update(self, type_: str, id_: str, attributes: Attributes, caller: Caller) -> Object: ...

    def delete(self, type_: str, id_: str, caller: Caller) -> None: ...

    def data(self, type_: str, attributes: Attributes, scope: Mapping[str, str], caller: Caller) -> Attributes: ...

    def caller_of(self, bearer: str) -> Caller: ...

    def credentials(self) -> dict[str, str]:
        """Of the default principal, in the shape the platform stores."""

    def new_principal(self, **wanted: Any) -> dict[str, str]:
        """Another principal with a subscription or project of its own."""

    def expire(self, name: str) -> None: ...

    def plant_leftovers(self, cluster: str) -> list[str]:
        """What a cluster makes by itself; the ids."""

    def api(self, request: Request, gate: Gate) -> Response:
        """The cloud's own interface: tokens, and what the SDKs ask."""
