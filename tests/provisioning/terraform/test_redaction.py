from provisioning.terraform.messages import Event, EventKind
from provisioning.terraform.redaction import MASK, Redactor

VARIABLES = {
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
    "AWS_REGION": "eu-west-1",
    "GOOGLE_CREDENTIALS": '{\n  "private_key": "abcdefgh12345678"\n}',
    "API_TOKEN": "short",
}


def test_secret_values_are_masked_wherever_they_stand() -> None:
    event = Event(
        EventKind.LOG,
        "key=wJalrXUtnFEMI/K7MDENG in eu-west-1",
        data={"detail": ["wJalrXUtnFEMI/K7MDENG"], "wJalrXUtnFEMI/K7MDENG": {"n": 1}},
    )

    assert Redactor(VARIABLES).event(event) == Event(
        EventKind.LOG, f"key={MASK} in eu-west-1", data={"detail": [MASK], MASK: {"n": 1}}
    )


def test_a_secret_of_several_lines_is_masked_line_by_line() -> None:
    assert Redactor(VARIABLES).text('before "private_key": "abcdefgh12345678" after') == f"before {MASK} after"


def test_short_values_mask_nothing() -> None:
    assert Redactor(VARIABLES).text("a short word") == "a short word"


def test_what_stands_in_a_secret_file_is_masked() -> None:
    assert Redactor({}, ["a.signed.token"]).text("Error: a.signed.token was refused") == f"Error: {MASK} was refused"
