"""Plans as functions of values: what is known, what changes, what is replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.standin import labels, planning, schema, values
from sandbox.standin.rules import azurerm, google
from sandbox.standin.rules.base import Rule
from sandbox.standin.values import UNKNOWN

VM = "azurerm_linux_virtual_machine"
BLOCK = {
    "attributes": {
        "id": {"type": "string", "computed": True},
        "name": {"type": "string", "required": True},
        "size": {"type": "string", "optional": True},
        "zones": {"type": ["set", "string"], "optional": True},
    },
    "block_types": {
        "disk": {
            "nesting_mode": "list",
            "block": {
                "attributes": {"id": {"type": "string", "computed": True}, "gb": {"type": "number", "optional": True}}
            },
        },
        "rule": {"nesting_mode": "set", "block": {"attributes": {"port": {"type": "number", "required": True}}}},
    },
}
RULE = Rule(noun="Thing", force_new=frozenset({"name", "disk.gb"}), defaults={"size": "small"})
simple = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text()
anything = st.recursive(
    simple, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


def thing(**changed: object) -> dict[str, object]:
    return {"id": None, "name": "a", "size": None, "zones": None, "disk": [], "rule": [], **changed}


@given(anything)
def test_values_survive_the_wire(value: object) -> None:
    assert values.decode(values.encode(value)) == value


@pytest.mark.parametrize("wire", [b"\xd4\x00\x00", b"\xc7\x03\x0c\x81\x01\xc2"])
def test_plain_and_refined_unknowns_are_unknown(wire: bytes) -> None:
    assert values.decode(wire) is UNKNOWN


def test_an_unknown_has_no_truth_value() -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(UNKNOWN)


def test_a_new_object_has_defaults_and_unknowns() -> None:
    plan = planning.planned(BLOCK, RULE, None, thing(disk=[{"id": None, "gb": 5}]))
    assert plan == thing(id=UNKNOWN, size="small", disk=[{"id": UNKNOWN, "gb": 5}])


def test_a_plan_without_a_change_is_the_prior_state() -> None:
    prior = thing(id="1", size="small", zones=["b", "a"], rule=[{"port": 2}, {"port": 1}])
    proposed = thing(id="1", zones=["a", "b"], rule=[{"port": 1}, {"port": 2}])
    assert planning.planned(BLOCK, RULE, prior, proposed) == prior


def test_only_a_new_block_has_unknowns() -> None:
    prior = thing(id="1", size="small", disk=[{"id": "d1", "gb": 5}])
    proposed = thing(id="1", disk=[{"id": "d1", "gb": 5}, {"id": None, "gb": 6}])
    assert planning.planned(BLOCK, RULE, prior, proposed)["disk"] == [{"id": "d1", "gb": 5}, {"id": UNKNOWN, "gb": 6}]


@pytest.mark.parametrize(
    ("changed", "replaced"),
    [
        ({"name": "b"}, [("name",)]),
        ({"size": "big"}, []),
        ({"disk": [{"id": "d1", "gb": 6}]}, [("disk", 0, "gb")]),
        ({"disk": []}, [("disk",)]),
    ],
)
def test_what_cannot_change_is_replaced(changed: dict[str, object], replaced: list[object]) -> None:
    prior = thing(id="1", size="small", disk=[{"id": "d1", "gb": 5}])
    assert planning.replacements(BLOCK, RULE, prior, {**prior, **changed}) == replaced


def test_a_block_list_that_is_unknown_stays_so() -> None:
    assert planning.planned(BLOCK, RULE, None, thing(disk=UNKNOWN))["disk"] is UNKNOWN


def test_only_unknowns_are_filled_from_the_cloud() -> None:
    plan = thing(id=UNKNOWN, size="small", disk=[{"id": UNKNOWN, "gb": 5}])
    live = thing(id="1", size="BIG", disk=[{"id": "d", "gb": 9}])
    assert planning.resolved(plan, live) == thing(id="1", size="small", disk=[{"id": "d", "gb": 5}])


def test_nothing_in_the_cloud_is_nothing_in_the_state() -> None:
    state, live = thing(size=None, zones=None), thing(size="", zones=[], name="b")
    assert planning.settled(state, live) == thing(name="b")


def test_an_object_has_exactly_the_attributes_of_its_schema() -> None:
    assert schema.conform(BLOCK, {"name": "a", "extra": 1, "disk": [{"gb": "7"}]}) == thing(
        disk=[{"id": None, "gb": 7}]
    )


def test_a_value_of_another_type_does_not_fit() -> None:
    with pytest.raises(schema.Misfit, match="zones: a set is needed"):
        schema.conform(BLOCK, {"zones": "a"})


def test_a_machine_grows_in_place_and_moves_by_replacement() -> None:
    block, rule = schema.Provider("azurerm").resource(VM), azurerm.RULES[VM]
    prior = schema.conform(block, {"size": "Standard_B1s", "location": "westeurope"})
    assert planning.replacements(block, rule, prior, {**prior, "size": "Standard_B2s"}) == []
    assert planning.replacements(block, rule, prior, {**prior, "location": "eastus"}) == [("location",)]


def test_labels_that_others_set_stay() -> None:
    prior = {"terraform_labels": {"a": "1"}, "effective_labels": {"a": "1", "by": "hand"}}
    plan = labels.Defaults({"b": "2"}).planned("labels", prior, {"labels": None})
    assert plan["terraform_labels"] == {"b": "2"}
    assert plan["effective_labels"] == {"by": "hand", "b": "2"}


@pytest.mark.parametrize("id_", ["projects/p/zones/z/instances/vm", "p/z/vm", "z/vm", "vm"])
def test_an_instance_is_imported_by_any_form_of_its_id(id_: str) -> None:
    rule = google.RULES["google_compute_instance"]
    assert rule.is_id(id_)
    assert rule.canonical_id(id_, {"project": "p", "zone": "z"}) == "projects/p/zones/z/instances/vm"


@pytest.mark.parametrize(("name", "rules"), [("azurerm", azurerm.RULES), ("google", google.RULES)])
def test_every_rule_speaks_of_attributes_that_exist(name: str, rules: dict[str, Rule]) -> None:
    provider = schema.Provider(name)
    assert set(rules) == set(provider.content["resource_schemas"])
    missing = [
        f"{type_}: {path}"
        for type_, rule in rules.items()
        for paths in (rule.force_new, rule.defaults, rule.allowed, rule.patterns, rule.computed_blocks, rule.refreshed)
        for path in paths
        if not exists(provider.resource(type_), path.split("."))
    ]
    assert missing == []


def exists(block: dict[str, object], path: list[str]) -> bool:
    for name in path[:-1]:
        block = block.get("block_types", {}).get(name, {}).get("block", {})  # type: ignore[attr-defined]
    return path[-1] in block.get("attributes", {}) or path[-1] in block.get("block_types", {})  # type: ignore[operator]
