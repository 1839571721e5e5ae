"""Simulated clouds: what the stand-in providers make is kept here, and the platform's own adapters find it here."""
