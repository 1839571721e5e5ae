"""An AWS without a network: it stands in for ``clouds.providers.aws`` and answers what a test lays down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clouds.providers import CloudObject, Credentials, Identity, Permissions, RunnerEnvironment

OWNER = "123456789012"


@dataclass
class Cloud:
    """What the next calls find, and what was asked: (endpoint, credentials, region)."""

    owner: str = OWNER
    missing: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    error: Exception | None = None
    probe_error: Exception | None = None
    objects: list[CloudObject] = field(default_factory=list)
    asked: list[tuple[str, Credentials, str]] = field(default_factory=list)


cloud = Cloud()


@dataclass
class FakeAws:
    endpoint: str

    def verify(self, credentials: Credentials, region: str) -> Identity:
        cloud.asked.append((self.endpoint, credentials, region))
        if cloud.error:
            raise cloud.error
        return Identity(f"arn:aws:iam::{cloud.owner}:user/skyvend", cloud.owner)

    def probe(self, credentials: Credentials, region: str, actions: Sequence[str]) -> Permissions:
        if cloud.probe_error:
            raise cloud.probe_error
        return Permissions(list(cloud.missing), list(cloud.unchecked))

    def platform_permissions(self) -> list[str]:
        return ["tag:GetResources"]

    def metrics_permissions(self) -> list[str]:
        return ["cloudwatch:GetMetricData"]

    def presupposed(self, actions: Sequence[str]) -> list[str]:
        return []

    def policy(self, actions: Sequence[str]) -> str:
        return json.dumps({"Action": sorted(actions)})

    def regions(self) -> list[str]:
        return ["eu-west-1", "us-east-1"]

    def owner_of(self, principal: str) -> str:
        return principal.split(":")[4] if principal else ""

    def runner_environment(self, credentials: Credentials, region: str) -> RunnerEnvironment:
        return RunnerEnvironment({**credentials, "region": region, "endpoint": self.endpoint}, {})

    def tagged_objects(self, credentials: Credentials, region: str, tags: Mapping[str, str]) -> list[CloudObject]:
        return cloud.objects


adapter = FakeAws
