"""Texts with an inner form: networks and SSH keys. Each function returns the text in its one normal form."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

MIN_RSA_BITS = 2048
PREFIX_LENGTH = re.compile(r"[0-9]{1,3}", re.ASCII)
COMMENT = re.compile(r"[\x21-\x7e]{1,100}")


def cidr(value: str) -> str:
    """The network ``value`` names, as the clouds write it. Raises ``ValueError`` with a sentence for people."""
    address, slash, length = value.partition("/")
    shown = f"“{value[:50]}”"
    if not slash:
        _address(address, shown)
        raise ValueError(f"{shown} is one address: write {address}/{128 if ':' in address else 32}.")
    parsed = _address(address, shown)
    if not PREFIX_LENGTH.fullmatch(length) or int(length) > parsed.max_prefixlen:
        raise ValueError(f"{shown}: what follows the slash is a number from 0 to {parsed.max_prefixlen}.")
    network = ipaddress.ip_network((parsed, int(length)), strict=False)
    if network.network_address != parsed:
        raise ValueError(f"{shown} names a machine inside a network: write {network}, or {address}/32 for one machine.")
    return str(network)


def _address(address: str, shown: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"{shown} is not a network such as 203.0.113.0/24.") from None
    if "%" in address:
        raise ValueError(f"{shown} names a network interface; leave out the part from % on.")
    return parsed


def ssh_public_key(value: str, key_types: Sequence[str]) -> str:
    """The OpenSSH public key in ``value`` with at most one word of comment; "" stays "".

    Raises ``ValueError`` with a sentence for people, which never quotes the key: it may be the private one.
    """
    text = value.strip()
    if not text:
        return ""
    if "PRIVATE KEY" in text.upper():
        raise ValueError("This is the private half of a key: keep it secret, and give the public one (.pub).")
    if "\n" in text or "\r" in text:
        raise ValueError("Give one public key on one line.")
    kind, _, rest = text.partition(" ")
    if kind not in key_types:
        raise ValueError(f"A public key starts with {' or '.join(key_types)} here; this one does not.")
    _check_key(text)
    blob, *comment = rest.split()
    kept = comment[:1] if comment and COMMENT.fullmatch(comment[0]) else []
    return " ".join([kind, blob, *kept])


def _check_key(text: str) -> None:
    try:
        key = load_ssh_public_key(text.encode("ascii", "replace"))
    except (ValueError, TypeError, IndexError, OverflowError, UnsupportedAlgorithm):
        raise ValueError("This public key is damaged or cut off: copy the whole line of the .pub file.") from None
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise ValueError(f"This RSA key has {key.key_size} bits; at least {MIN_RSA_BITS} are needed.")
