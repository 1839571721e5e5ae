"""Clouds behind one small protocol. Their packages are heavy: each is loaded when it is first needed."""

from functools import cache
from importlib import import_module

from clouds.models import Provider

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
    "offered_providers",
]

ADAPTERS: dict[Provider, str] = {
    Provider.AWS: "clouds.providers.aws",
    Provider.AZURE: "clouds.providers.azure",
    Provider.GCP: "clouds.providers.gcp",
}


def offered_providers() -> list[Provider]:
    """The providers that accounts can be connected to."""
    return list(ADAPTERS)


@cache
def get_adapter(provider: str, endpoint: str = "") -> Adapter:
    """The adapter of a provider; ``endpoint`` is the operator's simulated cloud, empty for the real one.

    Raises ``LookupError`` for a provider without an adapter.
    """
    if provider not in ADAPTERS:
        raise LookupError(f"no adapter for provider {provider!r}")
    adapter: Adapter = import_module(ADAPTERS[Provider(provider)]).adapter(endpoint)
    return adapter
