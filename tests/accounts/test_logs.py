import pytest
import structlog
from django.conf import settings

from accounts.logs import without_link_secrets


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("GET /invitations/accept/s3cr_et-x/", "GET /invitations/accept/•••/"),
        ("GET /invitations/accept/", "GET /invitations/accept/"),
        ("GET /login/?next=/invitations/accept/s3cr_et-x/", "GET /login/?next=/invitations/accept/•••/"),
        ("GET /accounts/login/?next=%2Finvitations%2Faccept%2Fs3cr_et-x%2F&a=1",
         "GET /accounts/login/?next=%2Finvitations%2Faccept%2F•••%2F&a=1"),
        ("POST /accounts/password/reset/key/3-d4f-abc/", "POST /accounts/password/reset/key/•••/"),
        ("Not Found: /accounts/confirm-email/MQ:1abc:xyz/", "Not Found: /accounts/confirm-email/•••/"),
        ("GET /runs/", "GET /runs/"),
    ],
)  # fmt: skip
def test_secrets_of_mailed_links_are_masked(said: str, kept: str) -> None:
    assert without_link_secrets(None, "info", {"event": said, "code": 200}) == {"event": kept, "code": 200}


def test_every_line_of_ours_and_of_libraries_passes_the_mask() -> None:
    assert without_link_secrets in structlog.get_config()["processors"]
    assert without_link_secrets in settings.LOGGING["formatters"]["json"]["foreign_pre_chain"]
