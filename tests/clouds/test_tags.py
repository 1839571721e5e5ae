"""What may be a tag on every cloud."""

from __future__ import annotations

import pytest

from clouds.inputs import InvalidInputs, read_tags, tags_as_text, validate_tags


def refused(tags: object) -> list[str]:
    with pytest.raises(InvalidInputs) as caught:
        validate_tags(tags)
    assert {error.field for error in caught.value.errors} == {"tags"}
    return [error.detail for error in caught.value.errors]


def test_tags_are_kept_as_they_are_in_the_order_of_their_names() -> None:
    assert list(validate_tags({"team": "data", "cost-centre_2": "4711"}).items()) == [
        ("cost-centre_2", "4711"),
        ("team", "data"),
    ]
    assert validate_tags({"a" * 40: "b" * 63}) == {"a" * 40: "b" * 63}
    assert validate_tags({}) == {}


@pytest.mark.parametrize(
    "name", ["Team", "1st", "", "a" * 41, "te am", "tëam", "a.b", "a:b", "team\n", "\x00", 7, None]
)
def test_a_name_that_some_cloud_would_refuse_is_refused(name: object) -> None:
    assert "cannot be a name" in refused({name: "data"})[0]


@pytest.mark.parametrize("value", ["Data", "", "a" * 64, "a b", "a.b", "data\n", 7, None, True, ["data"], {"a": "b"}])
def test_a_value_that_some_cloud_would_refuse_is_refused(value: object) -> None:
    assert "cannot be the value of “team”" in refused({"team": value})[0]


@pytest.mark.parametrize("name", ["skyvend-resource", "skyvend", "goog-gke-node", "microsoft", "azure_x", "windows"])
def test_names_that_the_platforms_keep_are_refused(name: str) -> None:
    assert "kept for the platforms" in refused({name: "data"})[0]


def test_more_than_twenty_are_refused() -> None:
    assert len(validate_tags({f"t{number}": "x" for number in range(20)})) == 20
    assert refused({f"t{number}": "x" for number in range(21)}) == ["These are 21 tags; at most 20 are allowed."]
    assert refused([["team", "data"]]) == ["Give names with their values."]


@pytest.mark.parametrize(
    "text", ["team=data, env=prod", "env=prod,team=data", "team = data;env =prod", "  team=data\n\tenv=prod , "]
)
def test_a_line_is_read_however_it_is_spaced(text: str) -> None:
    assert read_tags(text) == {"env": "prod", "team": "data"}
    assert read_tags(tags_as_text(read_tags(text))) == read_tags(text)


def test_what_a_line_gets_wrong_is_told() -> None:
    def problems(text: str) -> list[str]:
        with pytest.raises(InvalidInputs) as caught:
            read_tags(text)
        return [error.detail for error in caught.value.errors]

    assert problems("team") == ["“team” has no value: write name=value."]
    assert problems("team=a, team=b, urgent") == ["“team” is given twice.", "“urgent” has no value: write name=value."]
    assert "“data=x” cannot be the value of “team”" in problems("team=data=x")[0]
    assert read_tags("") == {}
