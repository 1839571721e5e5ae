"""What a customer may ask of an offering: one validation for the HTML form and the API."""

from .changing import Change, changes
from .errors import InputError, InvalidInputs
from .forms import InputForm, form_for
from .tags import read_tags, tags_as_text, validate_tags
from .validation import validate_inputs, validate_name

__all__ = [
    "Change",
    "InputError",
    "InputForm",
    "InvalidInputs",
    "changes",
    "form_for",
    "read_tags",
    "tags_as_text",
    "validate_inputs",
    "validate_name",
    "validate_tags",
]
