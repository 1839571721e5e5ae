import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.terraform.messages import MESSAGE_LENGTH, Event, EventKind, clean, parse

RESOURCE = {"addr": "aws_instance.this", "resource_type": "aws_instance"}


def line(kind: str, message: str = "said", level: str = "info", **extra: Any) -> str:
    return json.dumps({"@level": level, "@message": message, "@timestamp": "t", "type": kind, **extra})


def hook(**fields: Any) -> dict[str, Any]:
    return {"resource": RESOURCE, "action": "create", **fields}


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (
            line("planned_change", change={"resource": RESOURCE, "action": "update"}),
            Event(EventKind.PLANNED_CHANGE, "said", "info", {"address": "aws_instance.this", "action": "update"}),
        ),
        (
            line("change_summary", changes={"add": 1, "change": 2, "remove": 3, "operation": "plan"}),
            Event(
                EventKind.CHANGE_SUMMARY,
                "said",
                "info",
                {"adds": 1, "changes": 2, "destroys": 3, "operation": "plan"},
            ),
        ),
        (
            line("apply_start", hook=hook()),
            Event(EventKind.APPLY_START, "said", "info", {"address": "aws_instance.this", "action": "create"}),
        ),
        (
            line("apply_progress", hook=hook(elapsed_seconds=10)),
            Event(
                EventKind.APPLY_PROGRESS,
                "said",
                "info",
                {"address": "aws_instance.this", "action": "create", "elapsed_seconds": 10},
            ),
        ),
        (
            line("apply_complete", hook=hook(elapsed_seconds=12, id_key="id", id_value="i-1")),
            Event(
                EventKind.APPLY_COMPLETE,
                "said",
                "info",
                {"address": "aws_instance.this", "action": "create", "elapsed_seconds": 12, "id": "i-1"},
            ),
        ),
        (
            line("apply_errored", hook=hook(elapsed_seconds=3)),
            Event(
                EventKind.APPLY_ERRORED,
                "said",
                "error",
                {"address": "aws_instance.this", "action": "create", "elapsed_seconds": 3},
            ),
        ),
        (
            line("refresh_complete", hook={"resource": RESOURCE, "id_value": "i-1"}),
            Event(EventKind.REFRESH, "said", "debug", {"address": "aws_instance.this"}),
        ),
        (line("version", terraform="1.11.4"), Event(EventKind.LOG, "said")),
        (line("something_new", level="warn"), Event(EventKind.LOG, "said", "warning")),
        (line("apply_start", hook={}), Event(EventKind.LOG, "said")),
        ("not json at all", Event(EventKind.LOG, "not json at all")),
        ("[1, 2]", Event(EventKind.LOG, "[1, 2]")),
    ],
)
def test_a_line_becomes_its_event(text: str, event: Event) -> None:
    assert parse(text) == [event]


@pytest.mark.parametrize("text", ["", "  \n", line("refresh_start", hook=hook()), line("provision_start", hook=hook())])
def test_what_nobody_needs_to_read_is_silent(text: str) -> None:
    assert parse(text) == []


def test_a_diagnostic_keeps_what_was_said_and_drops_the_snippets_values() -> None:
    diagnostic = {
        "severity": "error",
        "summary": "creating EC2 Instance",
        "detail": "no",
        "address": "aws_instance.this",
        "snippet": {"code": "x", "values": [{"statement": "is planted-value"}]},
    }

    (event,) = parse(line("diagnostic", diagnostic=diagnostic, level="error"))

    assert (event.kind, event.level, event.message) == (EventKind.DIAGNOSTIC, "error", "creating EC2 Instance")
    assert event.data == {
        "severity": "error",
        "summary": "creating EC2 Instance",
        "detail": "no",
        "address": "aws_instance.this",
    }


def test_how_we_start_providers_is_not_told() -> None:
    diagnostic = {"severity": "warning", "summary": "Provider development overrides are in effect", "detail": "..."}

    assert parse(line("diagnostic", diagnostic=diagnostic, level="warn")) == []


def test_outputs_are_named_once_they_have_values_and_never_quoted() -> None:
    outputs = {"ip": {"sensitive": False, "type": "string", "value": "10.1.2.3"}, "key": {"sensitive": True}}

    events = parse(line("outputs", outputs=outputs))

    assert [event.data for event in events] == [{"name": "ip"}, {"name": "key"}]
    assert "10.1.2.3" not in str(events)


def test_outputs_of_a_plan_are_silent() -> None:
    assert parse(line("outputs", outputs={"ip": {"sensitive": False, "action": "create"}})) == []


def test_text_for_the_database_has_no_control_characters_and_an_end() -> None:
    assert clean("a\0b\x1b[31mc\n\td") == "ab[31mc\n\td"
    assert len(clean("x" * 100_000)) == MESSAGE_LENGTH


@given(st.text(max_size=300))
def test_no_line_breaks_the_parser(text: str) -> None:
    assert isinstance(parse(text), list)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=10), children, max_size=4),
    max_leaves=10,
)
_kinds = st.sampled_from(
    ["apply_start", "diagnostic", "outputs", "change_summary", "planned_change", "refresh_complete"]
)


@given(_kinds, st.sampled_from(["hook", "diagnostic", "outputs", "changes", "change"]), _json)
def test_no_strange_body_breaks_the_parser(kind: str, key: str, body: Any) -> None:
    assert isinstance(parse(line(kind, **{key: body})), list)
