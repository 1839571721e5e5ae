from typing import Any

import pytest
from django.core.exceptions import ValidationError

from billing.budgets import clean_thresholds


def test_plain_numbers_are_percentages_of_what_was_spent():
    assert clean_thresholds([100, 80.0, "50"]) == [{"percent": each, "on": "actual"} for each in (50, 80, 100)]


def test_they_are_ordered_by_basis_and_percentage():
    given = [{"percent": 100, "on": "run_rate"}, {"percent": 120, "on": "forecast"}, {"percent": 90}, 80]
    assert clean_thresholds(given) == [
        {"percent": 80, "on": "actual"},
        {"percent": 90, "on": "actual"},
        {"percent": 120, "on": "forecast"},
        {"percent": 100, "on": "run_rate"},
    ]


WRONG: list[Any] = [
    [],
    None,
    "80",
    80,
    {"percent": 80},
    [None],
    [[]],
    [{}],
    [True],
    ["1e999999"],
    ["80%"],
    ["٨٠"],
    ["\x00"],
    [float("inf")],
    [float("nan")],
    [10**400],
    [1e308],
    [0],
    [-5],
    [1001],
    [79.5],
    [{"percent": {}}],
    [{"percent": []}],
    [{"percent": None}],
    [{"percent": 80, "on": {}}],
    [{"percent": 80, "on": []}],
    [{"percent": 80, "on": None}],
    [{"percent": 80, "on": "guess"}],
    [{"percent": 80, "on": "actual\x00"}],
    [{"percent": 80, "above": True}],
    [{"percent": 80, "\ud800": True}],
    [80, 80],
    [80, {"percent": 80, "on": "actual"}],
    list(range(1, 12)),
]


@pytest.mark.parametrize("given", WRONG, ids=range(len(WRONG)))
def test_what_is_no_list_of_thresholds_is_refused_in_words(given: Any):
    with pytest.raises(ValidationError) as refused:
        clean_thresholds(given)
    assert all(isinstance(message, str) and message.endswith((".", "80.")) for message in refused.value.messages)


def test_ten_are_allowed_and_the_same_percentage_on_another_basis():
    assert len(clean_thresholds([*range(1, 10), {"percent": 1, "on": "forecast"}])) == 10
