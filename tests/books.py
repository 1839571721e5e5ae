"""What every test that moves money may end with."""

from billing import books
from provisioning import bookkeeping


def differences() -> list[str]:
    """All that ``manage.py check_ledger`` would name."""
    return [found for check in (*books.CHECKS, *bookkeeping.CHECKS) for found in check.find()]
