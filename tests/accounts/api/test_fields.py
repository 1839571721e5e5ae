import pytest
from rest_framework.serializers import ValidationError

from accounts.api.fields import ChoiceField


def test_what_is_no_choice_is_refused_with_the_choices():
    with pytest.raises(ValidationError) as raised:
        ChoiceField(["red", "blue"]).run_validation("green")
    (detail,) = raised.value.detail
    assert (str(detail), detail.code) == ("Choose from: red, blue.", "invalid_choice")
