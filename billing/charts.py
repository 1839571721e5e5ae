"""What charts are drawn from: JSON values for a script block, with the colours that the tables beneath them use."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse

from .costs import Branch, Breakdown, Group

COLOURS = 7  # groups with a colour of their own; the rest is grey
TONES = {"azure": "1", "aws": "2", "gcp": "3"}  # a cloud has the same colour everywhere


def tone(group: Group, number: int) -> str:
    """The name of a group's colour in costs.css: "1" to "7", "rest". ``number`` is its place, from 0."""
    return "rest" if group.is_rest else TONES.get(group.key, str(number % COLOURS + 1))


def area(found: Breakdown) -> dict[str, Any]:
    """One series per group, one amount per day. Amounts are strings: JSON knows no decimals."""
    return {
        "currency": found.currency,
        "days": [day.isoformat() for day in found.period],
        "series": [
            {
                "name": group.label,
                "tone": tone(group, number),
                "amounts": [f"{amount:.6f}" for amount in group.amounts],
            }
            for number, group in enumerate(found.groups)
        ],
    }


def treemap(tree: Branch, currency: str) -> dict[str, Any]:
    """Clouds with their accounts with their resources; a resource has the address of its page."""
    nodes = [_node(branch) | {"tone": TONES.get(branch.key, "rest")} for branch in tree.branches]
    return {"currency": currency, "nodes": nodes}


def resource_url(reference: str) -> str:
    """The page of the resource that is billed under ``reference``; "" for what has none."""
    try:
        return reverse("provisioning:resource-detail", args=[reference.partition(":")[2]])
    except NoReverseMatch:
        return ""


def _node(branch: Branch) -> dict[str, Any]:
    node: dict[str, Any] = {"name": branch.label, "value": f"{branch.total:.6f}"}
    if branch.branches:
        return node | {"children": [_node(each) for each in branch.branches]}
    return node | {"url": resource_url(branch.key)}
