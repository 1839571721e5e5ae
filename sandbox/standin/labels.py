"""Google's three views of labels: what the user wrote, what Terraform manages, what the object bears."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .values import UNKNOWN

ATTRIBUTION = {"goog-terraform-provisioned": "true"}


@dataclass(frozen=True)
class Defaults:
    """The provider block's default labels; a new object also bears Terraform's mark unless it is switched off."""

    labels: Mapping[str, str] = field(default_factory=dict)
    is_marked: bool = True

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Defaults":
        given = config.get("default_labels")
        labels = {} if given is None or given is UNKNOWN else given
        return cls(labels, config.get("add_terraform_attribution_label") is not False)

    def planned(self, name: str, prior: Any, proposed: dict[str, Any]) -> dict[str, Any]:
        """The proposed state with `terraform_labels` and `effective_labels`; `name` holds the user's labels."""
        own = proposed.get(name)
        if own is UNKNOWN or (own is not None and UNKNOWN in own.values()):
            return {**proposed, "terraform_labels": UNKNOWN, "effective_labels": UNKNOWN}
        before = (prior or {}).get("terraform_labels") or {}
        is_marked = self.is_marked and (prior is None or ATTRIBUTION.keys() <= before.keys())
        managed = {**(ATTRIBUTION if is_marked else {}), **self.labels, **(own or {})}
        foreign = {k: v for k, v in ((prior or {}).get("effective_labels") or {}).items() if k not in before}
        return {**proposed, "terraform_labels": managed, "effective_labels": {**foreign, **managed}}


def read(name: str, state: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """The object's labels in three views; the first two show only keys that the state already has."""
    borne = live.get("effective_labels") or live.get(name) or {}
    shown = {key: {k: v for k, v in borne.items() if k in (state.get(key) or {})} for key in (name, "terraform_labels")}
    return {**live, **shown, "effective_labels": borne}
