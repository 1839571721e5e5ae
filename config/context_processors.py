"""What every page says about the machine it runs on."""

from django.conf import settings
from django.http import HttpRequest


def machine(request: HttpRequest) -> dict[str, object]:
    """``isolation_warning`` where runs are not walled off; ``trial_notice`` where the clouds are simulated."""
    return {
        "isolation_warning": settings.RUNNER_ISOLATION == "none",
        "trial_notice": "Trial on one machine: the clouds are simulated, nothing here costs money." * settings.TRIAL,
    }
