"""What can be bought and with which keys: cloud accounts and the catalogue."""

from .accounts import CloudAccount, CloudAccountStatus, Provider
from .catalogue import Kind, MachineType, Offering, OfferingVersion
from .signing import SigningKey

__all__ = [
    "CloudAccount",
    "CloudAccountStatus",
    "Kind",
    "MachineType",
    "Offering",
    "OfferingVersion",
    "Provider",
    "SigningKey",
]
