"""Template tags of the pages about resources and runs."""

import re
from datetime import timedelta

from django import template
from django.utils import timezone

from provisioning.models import Run

register = template.Library()
API_ERROR = re.compile(r"api error (?P<code>[\w.]+): (?P<words>.+)")


@register.filter
def worked_for(run: Run) -> timedelta | None:
    """How long a worker has been, or was, at the run; None before it started."""
    if run.started_at is None:
        return None
    return (run.finished_at or timezone.now()) - run.started_at


@register.simple_tag(takes_context=True)
def ordering_of(context: template.Context, field: str) -> str:
    """How the list is sorted by ``field`` now: "up", "down" or ""."""
    given = context["request"].GET.get("ordering", "")
    return {field: "up", f"-{field}": "down"}.get(given, "")


@register.simple_tag(takes_context=True)
def next_ordering(context: template.Context, field: str) -> str:
    """What a click on the column's heading sorts by."""
    return f"-{field}" if ordering_of(context, field) == "up" else field


@register.filter
def cloud_words(said: str) -> str:
    """The cloud's own sentence and code out of what its client printed around them; else all of it."""
    found = API_ERROR.search(said)
    return f"{found['words']} ({found['code']})" if found else said
