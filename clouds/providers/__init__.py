"""Clouds behind one small protocol. Their packages are heavy: each is loaded when it is first needed."""

from functools import cache
from importlib import import_module

from .base import (
    Adapter,
    CloudError,
    CloudObject,
    CloudUnreachable,
    Credentials,
    CredentialsRefused,
    Identity,
    NotPermitted,
    Permissions,
    RunnerEnvironment,
)

__all__ = [
    "Adapter",
    "CloudError",
    "CloudObject",
    "CloudUnreachable",
    "Credentials",
    "CredentialsRefused",
    "Identity",
    "NotPermitted",
    "Permissions",
    "RunnerEnvironment",
    "get_adapter",
]

# By Provider's values; no model is imported here, since `asking` runs without Django.
ADAPTERS = {"aws": "clouds.providers.aws", "azure": "clouds.providers.azure", "gcp": "clouds.providers.gcp"}


@cache
def get_adapter(provider: str, endpoint: str = "") -> Adapter:
    """The adapter of a provider; ``endpoint`` is the operator's simulated cloud, empty for the real one.

    Raises ``LookupError`` for a provider without an adapter.
    """
    if provider not in ADAPTERS:
        raise LookupError(f"no adapter for provider {provider!r}")
    adapter: Adapter = import_module(ADAPTERS[str(provider)]).adapter(endpoint)
    return adapter
