"""Days that cost clearly more than usual: found once a day, each with its cause in words."""

from .services import acknowledge, days_with, find_anomalies

__all__ = ["acknowledge", "days_with", "find_anomalies"]
