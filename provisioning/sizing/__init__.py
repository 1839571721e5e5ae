"""Machines that are too big or too small: what they were busy with, and which size would fit better.

``fitting`` decides, ``looking`` reads the clouds and keeps what it found, ``settling`` closes what a change settled.
"""

from .looking import LOOK_LOCK, Looked, Pricing, accounts_due, could_not_look, look_at
from .settling import settle

__all__ = ["LOOK_LOCK", "Looked", "Pricing", "accounts_due", "could_not_look", "look_at", "settle"]
