"""A simulated Azure: Resource Manager, an Entra ID of one tenant, and the types our modules use."""

from __future__ import annotations

from sandbox.simulated.store import Store

from .cloud import Azure


def make(store: Store, endpoint: str) -> Azure:
    """``endpoint`` is where this cloud listens."""
    return Azure(store, endpoint)
