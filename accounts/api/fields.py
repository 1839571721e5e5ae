from typing import Any, NoReturn

from rest_framework import serializers


class ChoiceField(serializers.ChoiceField):
    """DRF's, whose refusal names what may be chosen."""

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        if key == "invalid_choice":
            raise serializers.ValidationError(f"Choose from: {', '.join(map(str, self.choices))}.", key)
        super().fail(key, **kwargs)
