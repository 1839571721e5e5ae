from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils import timezone

from accounts.templatetags import ui
from clouds.models import CloudAccountStatus
from provisioning.models import ResourceStatus, RunStatus


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


def test_an_icon_is_decorative_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in render('{% icon "server" %}')
    assert 'role="img" aria-label="Server"' in render('{% icon "server" label="Server" %}')


def test_an_icon_comes_from_the_sprite() -> None:
    assert 'href="/static/vendor/icons.svg#server"' in render('{% icon "server" %}')


@pytest.mark.parametrize("value", [*ResourceStatus, *RunStatus, *CloudAccountStatus])
def test_every_status_has_its_own_word_colour_and_icon(value: str) -> None:
    assert str(value) in ui.STATUS_ICONS
    badge = render("{% status value %}", value=value)
    assert ui.STATUS_ICONS[str(value)].word in badge
    assert "tone-" in badge
    assert "<use" in badge


def test_an_unknown_status_is_still_readable() -> None:
    assert "Half built" in render("{% status value %}", value="half_built")


def test_a_status_is_escaped() -> None:
    assert "<b>" not in render("{% status value %}", value="<b>")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (-9, "just now"),
        (-10, "10 s ago"),
        (-60, "1 min ago"),
        (-3_599, "59 min ago"),
        (-7_200, "2 h ago"),
        (-86_400, "1 day ago"),
        (-172_800, "2 days ago"),
        (80, "in 1 min"),
        (7_775_999, "in 90 days"),
        (259_200, "in 3 days"),
    ],
)
def test_distances_in_time_are_said_in_words(seconds: int, words: str) -> None:
    assert ui.relative(timedelta(seconds=seconds)) == words


def test_ago_gives_the_absolute_time_on_hover() -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    shown = render("{% ago moment %}", moment=moment)
    assert 'datetime="2026-03-04T05:06:07+00:00"' in shown
    assert 'title="2026-03-04 05:06:07 UTC"' in shown


def test_ago_of_nothing_says_never() -> None:
    assert "never" in render("{% ago moment %}", moment=None)
    assert "not yet" in render('{% ago moment "not yet" %}', moment=None)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Decimal("1234.5"), "1,234.50\u00a0USD"),
        (Decimal(-3), "-3.00\u00a0USD"),
        (Decimal(0), "0.00\u00a0USD"),
        (Decimal("0.0104"), "0.0104\u00a0USD"),
        (Decimal("0.500000"), "0.50\u00a0USD"),
        (Decimal("0.00000049"), "0.000000\u00a0USD"),
        ("12", "12.00\u00a0USD"),
        (None, ""),
    ],
)
def test_money_shows_as_many_decimals_as_matter(amount: Decimal | str | None, shown: str) -> None:
    assert ui.money(amount, "USD") == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (8.4, "8 s"), (72, "1 min 12 s"), (timedelta(hours=1, minutes=2), "1 h 2 min")],
)
def test_durations_are_said_in_words(value: float | timedelta | None, shown: str) -> None:
    assert ui.duration(value) == shown


def test_a_copy_button_escapes_what_it_copies() -> None:
    assert 'data-copy="&quot;&gt;&lt;script&gt;"' in render("{% copy_button value %}", value='"><script>')


def test_the_current_page_is_marked_in_the_navigation(rf) -> None:
    source = '{% nav_item "accounts:team" "users" "Team" %}'
    assert 'aria-current="page"' in render(source, request=rf.get("/team/"))
    assert 'aria-current="page"' not in render(source, request=rf.get("/audit/"))


def test_ago_counts_from_now() -> None:
    assert "5 min ago" in render("{% ago moment %}", moment=timezone.now() - timedelta(minutes=5, seconds=5))
