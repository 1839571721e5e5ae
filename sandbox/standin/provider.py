"""One provider process: its schemas, rules, credentials and the simulated cloud behind them."""

import re
from typing import Any

from . import checking, identity, labels, planning, schema, values
from .checking import Problem
from .cloud import PATIENCE, Cloud, Refusal
from .rules import azurerm, google
from .rules.base import Rule

FACES = {"azurerm": "management.azure.com", "google": "www.googleapis.com"}
RULES = {"azurerm": azurerm.RULES, "google": google.RULES}
SIMULATED = Problem(
    "Simulated cloud",
    "This is the sandbox's stand-in provider. What it creates exists only in the simulated cloud on this machine.",
    is_warning=True,
)
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


class Provider:
    """What Terraform configures once and then asks for plans, changes and objects. Errors leave as Refusal."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.schemas = schema.Provider(name)
        self.scope: dict[str, str] = {}
        self.labels = labels.Defaults()
        self._cloud: Cloud | None = None

    def rule(self, type_: str) -> Rule:
        return RULES[self.name].get(type_) or Rule(noun=type_)

    def check_config(self, config: dict[str, Any]) -> list[Problem]:
        if self.name == "azurerm" and not checking.is_set(config, "features"):
            return [Problem("Insufficient features blocks", 'At least 1 "features" blocks are required.')]
        if self.name == "google" and checking.is_set(config, "credentials"):
            return identity.google_credentials(config)[1]
        return []

    def configure(self, config: dict[str, Any]) -> list[Problem]:
        """Take the provider block and the environment; azurerm signs in at once, google at its first call."""
        cloud = Cloud(FACES[self.name])
        problems = self._azurerm(cloud, config) if self.name == "azurerm" else self._google(cloud, config)
        self._cloud = cloud
        return [*problems, SIMULATED]

    def _azurerm(self, cloud: Cloud, config: dict[str, Any]) -> list[Problem]:
        given = identity.AzureConfig.of(config)
        if problems := given.problems():
            return problems
        cloud.bearer = identity.AzureTokens(cloud, given).bearer
        cloud.bearer()
        self.scope = {"subscription_id": given.subscription_id}
        return []

    def _google(self, cloud: Cloud, config: dict[str, Any]) -> list[Problem]:
        credentials, problems = identity.google_credentials(config)
        if problems:
            return problems
        if credentials:
            cloud.bearer = identity.GoogleTokens(cloud, credentials).bearer
        self.scope = {
            "project": identity.setting(config, "project", "GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
            or str(credentials.get("project_id", "")),
            "region": identity.setting(config, "region", "GOOGLE_REGION", "GCLOUD_REGION"),
            "zone": identity.setting(config, "zone", "GOOGLE_ZONE", "GCLOUD_ZONE"),
        }
        self.labels = labels.Defaults.of(config)
        return []

    def check(self, type_: str, config: dict[str, Any]) -> list[Problem]:
        return checking.problems(self.schemas.resource(type_), self.rule(type_), config)

    def plan(self, type_: str, prior: Any, proposed: dict[str, Any]) -> tuple[dict[str, Any], list[planning.Path]]:
        """The planned state and the paths that force a replacement."""
        block, rule = self.schemas.resource(type_), self.rule(type_)
        proposed = self._with_scope(block, proposed)
        if rule.labels:
            proposed = self.labels.planned(rule.labels, prior, proposed)
        plan = planning.planned(block, rule, prior, proposed)
        return plan, planning.replacements(block, rule, prior, plan) if prior is not None else []

    def _with_scope(self, block: dict[str, Any], proposed: dict[str, Any]) -> dict[str, Any]:
        """Google: the provider's project, region and zone are known when a resource does not say its own."""
        known = {}
        for name, value in self.scope.items():
            attribute = block["attributes"].get(name, {})
            if value and attribute.get("computed") and attribute.get("optional") and proposed.get(name) is None:
                known[name] = value
        return {**proposed, **known}

    def apply(self, type_: str, prior: Any, plan: Any) -> tuple[Any, list[Problem]]:
        """The new state and what went wrong. A failed create gives what exists, a failed change the prior state."""
        try:
            if plan is None:
                self.cloud.delete(type_, prior["id"], self._patience(prior, "delete"))
                return None, []
            return self._changed(type_, prior, plan), []
        except Refusal as refusal:
            return self._after(type_, prior, plan, refusal), [Problem(refusal.message)]

    def _changed(self, type_: str, prior: Any, plan: dict[str, Any]) -> dict[str, Any]:
        body = self._body(plan)
        if prior is None:
            live = self.cloud.create(type_, body, self._patience(plan, "create"))
        else:
            live = self.cloud.update(type_, prior["id"], body, self._patience(plan, "update"))
        live = schema.conform(self.schemas.resource(type_), live)
        new: dict[str, Any] = values.without_unknowns(planning.resolved(plan, live))
        return new

    def _after(self, type_: str, prior: Any, plan: Any, refusal: Refusal) -> Any:
        if prior is not None or plan is None or refusal.partial is None:
            return prior
        partial = refusal.partial.get("attributes") or refusal.partial
        live = schema.conform(self.schemas.resource(type_), {"id": refusal.partial.get("id"), **partial})
        return values.without_unknowns(planning.resolved(plan, live))

    def _body(self, attributes: dict[str, Any]) -> dict[str, Any]:
        sent = {key: item for key, item in values.without_unknowns(attributes).items() if key != "timeouts"}
        scope = {**self.scope, **{key: sent[key] for key in self.scope if sent.get(key)}}
        return {"attributes": sent, "scope": scope}

    def read(self, type_: str, state: dict[str, Any]) -> dict[str, Any] | None:
        """The object as it is now, None when it is gone. `timeouts` is no cloud data and stays."""
        found = self.cloud.read(type_, state["id"], self._patience(state, "read"))
        if found is None:
            return None
        block, rule = self.schemas.resource(type_), self.rule(type_)
        live = schema.conform(block, {**found, "timeouts": state.get("timeouts")})
        if rule.labels:
            live = labels.read(rule.labels, state, live)
        settled: dict[str, Any] = planning.settled(state, live)
        return settled

    def imported(self, type_: str, id_: str) -> dict[str, Any]:
        rule = self.rule(type_)
        if not rule.is_id(id_):
            if self.name == "azurerm":
                raise Refusal(f'parsing "{id_}": the ID was not in the expected format of a {rule.noun}')
            raise Refusal(f"Import id {id_!r} doesn't match any of the accepted formats: {list(rule.ids)}")
        return schema.conform(self.schemas.resource(type_), {"id": rule.canonical_id(id_, self.scope)})

    def read_data(self, type_: str, config: dict[str, Any]) -> dict[str, Any]:
        block = self.schemas.data(type_)
        found = self.cloud.data(type_, self._body(config))
        return schema.conform(block, {**config, **found, "timeouts": config.get("timeouts")})

    def stop(self) -> None:
        if self._cloud is not None:
            self._cloud.stop()

    @property
    def cloud(self) -> Cloud:
        if self._cloud is None:
            raise Refusal("The provider is not configured.")
        return self._cloud

    @staticmethod
    def _patience(attributes: dict[str, Any], operation: str) -> float:
        """Seconds to wait for one call, from the resource's `timeouts` block ("1h30m")."""
        given = (attributes.get("timeouts") or {}).get(operation)
        if not isinstance(given, str):
            return PATIENCE
        return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+)([hms])", given)) or PATIENCE
