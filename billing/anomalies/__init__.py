"""Days that cost clearly more than usual: found once a day, each with its cause in words."""

from .services import acknowledge, find_anomalies

__all__ = ["acknowledge", "find_anomalies"]
