"""Which addresses alerts may go to: dozens that must not be reached, in every way they can be written."""

from __future__ import annotations

from typing import Any

import pytest

from billing.safe_http import AddressRefused, NoAnswer, checked_addresses, is_allowed, parse

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "11.0.0.1",
    "192.167.255.255", "223.255.255.254", "2606:4700:4700::1111", "2a00:1450:4001:800::200e", "2001:4860:4860::8888",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip
NOT_PUBLIC = [
    # this machine and this network
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::1", "::",
    # private and shared
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255",
    "fc00::1", "fd12:3456:789a::1", "fec0::1",
    # link-local: the clouds' metadata services
    "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "168.63.129.16",
    # multicast, broadcast, reserved
    "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "ff02::1", "ff0e::1",
    # documentation, benchmarks, protocol assignments
    "192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "198.19.255.255", "192.0.0.1", "192.0.0.9", "192.88.99.1",
    "2001:db8::1", "3fff::1", "100::1", "5f00::1",
    # IPv4 inside IPv6
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b::10.1.2.3", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "::ffff:0:127.0.0.1", "fe80::5efe:10.0.0.1",
    # no address at all
    "", "localhost", "1.2.3", "0x7f.1", "2130706433", "127.1", "1.1.1.1/32", "[::1]",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize(
    ("network", "address", "allowed"),
    [
        ("10.1.0.0/16", "10.1.2.3", True),
        ("10.1.0.0/16", "10.2.0.1", False),
        ("10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("10.1.0.0/16", "64:ff9b::10.1.2.3", True),
        ("fd00:1::/32", "fd00:1::5", True),
        ("fd00:1::/32", "fd00:2::5", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.0.0/16", "169.254.169.254", False),
    ],
)
def test_an_operator_opens_a_network_and_nothing_else(settings: Any, network: str, address: str, allowed: bool) -> None:
    settings.WEBHOOK_NETWORKS = [network]

    assert is_allowed(address) is allowed


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/", "must begin with https://"),
        ("ftp://hooks.example.com/", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("gopher://hooks.example.com:70/_x", "must begin with https://"),
        ("javascript:alert(1)", "must begin with https://"),
        ("//hooks.example.com/", "must begin with https://"),
        ("hooks.example.com", "must begin with https://"),
        ("https://", "must begin with https://"),
        ("https:///path", "must begin with https://"),
        ("", "must begin with https://"),
        ("https://user:pw@hooks.example.com/", "user name"),
        ("https://user@hooks.example.com/", "user name"),
        ("https://hooks.example.com@127.0.0.1/", "user name"),
        ("https://hooks.example.com:22/", "port"),
        ("https://hooks.example.com:25/", "port"),
        ("https://hooks.example.com:1023/", "port"),
        ("https://hooks.example.com:70000/", "port"),
        ("https://hooks.example.com:0x50/", "not the address"),
        ("https://[fe80::1%25eth0]/", "not the"),
        ("https://exa mple.com/", "not the"),
        ("https://example.com/\r\nHost: evil", "not the address"),
        ("https://example.com/\x00", "not the address"),
        ("https://\ud800.example/", "not the address"),
        ("https://" + "a" * 300 + ".example/", "not the"),
        ("https://example.com/" + "x" * 2000, "too long"),
    ],
)
def test_what_is_no_address_for_alerts_is_refused_in_words(url: str, why: str) -> None:
    with pytest.raises(AddressRefused, match=why):
        parse(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, b"/"),
        ("HTTPS://Hooks.Example.com:8443/a?b=c#d", "hooks.example.com", 8443, b"/a?b=c"),
        ("https://bücher.example/ö", "xn--bcher-kva.example", 443, b"/%C3%B6"),
        ("https://[2606:4700::1111]:443/", "2606:4700::1111", 443, b"/"),
        ("https://1.1.1.1:80/", "1.1.1.1", 80, b"/"),
    ],
)
def test_a_good_address_is_taken_apart(url: str, host: str, port: int, path: bytes) -> None:
    target = parse(url)

    assert (target.scheme, target.host, target.port, target.path) == ("https", host, port, path)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "0", "::1", "::ffff:127.0.0.1"],
)
def test_every_way_to_write_this_machine_is_refused(host: str) -> None:
    """Asks the real resolver: where it knows one of these, it must lead nowhere."""
    with pytest.raises((AddressRefused, NoAnswer)):
        checked_addresses(host, 443)


def test_one_bad_address_among_good_ones_refuses_the_name() -> None:
    with pytest.raises(AddressRefused, match="private or reserved"):
        checked_addresses("a.test", 443, resolver=lambda host, port: ["1.1.1.1", "10.0.0.1"])
