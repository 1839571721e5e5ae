"""The simulated Google Cloud."""

from __future__ import annotations

from sandbox.simulated.store import Store

from .cloud import Gcp


def make(store: Store, endpoint: str) -> Gcp:
    return Gcp(store, endpoint)
