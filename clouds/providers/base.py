"""What the platform asks of a cloud, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from .metrics import Metric, Utilisation

Credentials = Mapping[str, str]  # clean: see clouds.credentials


class CloudError(Exception):
    """A cloud did not do what was asked. ``str()`` is for people and never holds a credential."""


class CredentialsRefused(CloudError):
    """The cloud knows these credentials to be wrong, or does not know them."""


class CloudUnreachable(CloudError):
    """The cloud did not answer, or not in a way that says anything about the credentials."""


class NotPermitted(CloudError):
    """The credentials are good but may not do this."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the cloud takes the credentials for."""

    principal: str  # "arn:aws:iam::123456789012:user/skyvend"
    owner: str  # the account, subscription or project the bill goes to: "123456789012"


@dataclass(frozen=True, slots=True)
class Permissions:
    """The answer of a permission probe; what is in neither list was seen to be allowed."""

    missing: list[str]
    unchecked: list[str]  # the cloud gave no way to tell


@dataclass(frozen=True, slots=True)
class CloudObject:
    """An object found by its tags."""

    object_type: str  # "ec2:instance", "s3:bucket"
    id: str  # the cloud's own: "i-0123456789abcdef0", a bucket's name
    arn: str
    name: str  # what people call it; for a key pair its key name, by which Terraform imports it


@dataclass(frozen=True, slots=True)
class RunnerEnvironment:
    """What a run gets of a cloud account. Secret: it has no readable ``repr`` and must not be logged."""

    variables: dict[str, str] = field(repr=False)  # environment of the Terraform process
    files: dict[str, str]  # name to content, put beside the module's files; never a secret
    secret_files: dict[str, str] = field(default_factory=dict, repr=False)  # the same, readable by the run only
    is_simulated: bool = False  # Terraform works with the stand-in providers, where this provider has one


class Adapter(Protocol):
    """One cloud behind one small interface. Every method may raise a :class:`CloudError`."""

    def verify(self, credentials: Credentials, region: str) -> Identity:
        """Ask the cloud who these credentials are; raises :class:`CredentialsRefused` with the reason in words."""

    def probe(self, credentials: Credentials, region: str, actions: Sequence[str]) -> Permissions:
        """Find out which of ``actions`` these (verified) credentials may not do, changing nothing in the cloud."""

    def platform_permissions(self) -> list[str]:
        """What the platform itself asks of the cloud, beside what the offerings need."""

    def metrics_permissions(self) -> list[str]:
        """What :meth:`utilisation` asks of the cloud: useful, but nothing else fails without it."""

    def presupposed(self, actions: Sequence[str]) -> list[str]:
        """What must be switched on before ``actions`` can work at all, written like an action: the probe takes them
        too, and where one is missing names it. Google: "service:compute.googleapis.com".
        """

    def policy(self, actions: Sequence[str]) -> str:
        """A policy granting ``actions`` in the cloud's own format, to copy and paste."""

    def regions(self) -> list[str]:
        """The names of all regions, known without asking the cloud."""

    def owner_of(self, principal: str) -> str:
        """:attr:`Identity.owner` of a principal seen before; empty if unknown."""

    def runner_environment(self, credentials: Credentials, region: str) -> RunnerEnvironment:
        """What Terraform needs to work with these credentials in ``region``."""

    def tagged_objects(self, credentials: Credentials, region: str, tags: Mapping[str, str]) -> list[CloudObject]:
        """Every existing object in ``region`` carrying all of ``tags``; raises rather than return half an answer."""

    def leftovers(self, credentials: Credentials, region: str, cluster: str) -> list[CloudObject]:
        """What the Kubernetes cluster named ``cluster`` made by itself and would keep its destroy from ending: load
        balancers, volumes, network interfaces. In the order in which they can be removed.
        """

    def remove(self, credentials: Credentials, region: str, found: CloudObject) -> None:
        """Delete one object that :meth:`leftovers` named. One that is gone already is fine."""

    def switch_power(self, credentials: Credentials, region: str, machine: str, *, is_on: bool) -> None:
        """Ask for a machine, by its id in Terraform's state, to be started, or stopped so that only its disk and
        address cost. It ends some time later; asking again is fine.
        """

    def has_power(self, credentials: Credentials, region: str, machine: str) -> bool | None:
        """Whether the machine runs; None while that changes."""

    def utilisation(
        self, credentials: Credentials, region: str, machines: Sequence[str], first: datetime, last: datetime
    ) -> Mapping[str, Mapping[Metric, Utilisation]]:
        """How busy ``machines`` (ids as the modules output them) in ``region`` were from ``first`` to before ``last``.

        Every machine is in the answer, with those metrics of which there is any data.
        """
