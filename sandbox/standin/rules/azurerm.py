from .base import Rule

RULES: dict[str, Rule] = {}
