from __future__ import annotations

import logging
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from billing.refresh import fetching, gcp
from billing.refresh.fetching import Answer, Fetcher, VendorError

from .server import Reply, Vendor, as_json

DONE = as_json({"done": True})


def ask(fetcher: Fetcher, url: str) -> object:
    return fetcher.read(url, Answer.json, label="test")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again_after_what_the_vendor_asks(
    vendor: Vendor, fetcher: Fetcher, waits: list[float], status: int
) -> None:
    vendor.on("/list", Reply(status=status, headers={"Retry-After": "7"}), DONE)
    assert ask(fetcher, f"{vendor.url}/list") == {"done": True}
    assert waits == [7.0]


def test_without_a_word_from_the_vendor_each_wait_is_twice_the_last(
    vendor: Vendor, fetcher: Fetcher, waits: list[float]
) -> None:
    vendor.on("/list", Reply(status=500), Reply(status=429, headers={"Retry-After": "soon"}), Reply(status=503), DONE)
    ask(fetcher, f"{vendor.url}/list")
    assert waits == [1.0, 2.0, 4.0]


def test_the_vendor_may_name_a_time_and_may_not_make_us_wait_for_ever(
    vendor: Vendor, fetcher: Fetcher, waits: list[float]
) -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    far = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    vendor.on("/list", *(Reply(status=429, headers={"Retry-After": when}) for when in (past, far, "86400")), DONE)
    ask(fetcher, f"{vendor.url}/list")
    assert waits == [0.0, fetching.LONGEST_WAIT, fetching.LONGEST_WAIT]


def test_a_failure_that_stays_is_an_error(vendor: Vendor, fetcher: Fetcher, waits: list[float]) -> None:
    vendor.on("/list", Reply(status=500))
    with pytest.raises(VendorError, match=r"/list answered 500, 6 times in a row\."):
        ask(fetcher, f"{vendor.url}/list")
    assert len(vendor.asked) == 6
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (403, "403 Forbidden"), (302, "302 Found")])
def test_a_refusal_is_an_error_at_once(vendor: Vendor, fetcher: Fetcher, status: int, words: str) -> None:
    vendor.on("/list", Reply(status=status, headers={"Location": f"{vendor.url}/other"}))
    with pytest.raises(VendorError, match=f"/list answered {words}"):
        ask(fetcher, f"{vendor.url}/list?secret=1")
    assert len(vendor.asked) == 1


def test_a_body_that_is_cut_is_tried_again_and_then_an_error(
    vendor: Vendor, fetcher: Fetcher, waits: list[float]
) -> None:
    cut = Reply(DONE.body[:5], promised=len(DONE.body) - 5)
    vendor.on("/list", cut, DONE)
    assert ask(fetcher, f"{vendor.url}/list") == {"done": True}
    vendor.on("/list", cut)
    with pytest.raises(VendorError, match="sent an answer that was cut off, 6 times in a row"):
        ask(fetcher, f"{vendor.url}/list")
    assert len(waits) == 6


def test_whole_json_before_a_missing_rest_is_cut_all_the_same(vendor: Vendor, fetcher: Fetcher) -> None:
    vendor.on("/list", Reply(DONE.body, promised=2))
    with pytest.raises(VendorError, match="cut off"):
        ask(fetcher, f"{vendor.url}/list")


def test_json_that_ends_early_although_its_length_is_right_is_cut(vendor: Vendor, fetcher: Fetcher) -> None:
    vendor.on("/list", Reply(DONE.body[:-1]))
    with pytest.raises(VendorError, match="cut off"):
        ask(fetcher, f"{vendor.url}/list")


def test_a_body_of_unknown_length_is_refused(vendor: Vendor, fetcher: Fetcher) -> None:
    vendor.on("/list", Reply(DONE.body, says_length=False))
    with pytest.raises(VendorError, match="does not say how long its answer is"):
        ask(fetcher, f"{vendor.url}/list")


def test_json_too_large_to_hold_is_refused(vendor: Vendor, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LARGEST_JSON", 2**20)
    vendor.on("/list", Reply(b" " * (2**20 + 1)))
    with pytest.raises(VendorError, match="answered with more than 1 MiB"):
        ask(fetcher, f"{vendor.url}/list")


def test_nobody_at_the_address_is_an_error(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/list"
        with pytest.raises(VendorError, match=r"/list cannot be reached, 6 times in a row"):
            ask(fetcher, url)


def test_silence_is_an_error(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object, **__: object) -> None:
        raise httpx.ReadTimeout("no byte")

    monkeypatch.setattr(httpx.Client, "stream", silent)
    with pytest.raises(VendorError, match="did not answer in time, 6 times in a row"):
        ask(fetcher, "http://127.0.0.1/list")


def test_lines_are_whole_wherever_the_network_cuts_them(vendor: Vendor, fetcher: Fetcher) -> None:
    text = 'one,"Zürich"\ntwo\n\nlast'.encode()
    vendor.on("/list", Reply(pieces=lambda: (text[at : at + 1] for at in range(len(text)))))
    lines = fetcher.read(f"{vendor.url}/list", lambda answer: list(answer.lines()), label="test")
    assert lines == ['one,"Zürich"\n', "two\n", "\n", "last"]


def test_the_key_goes_into_a_header_and_nowhere_else(
    vendor: Vendor, caplog: pytest.LogCaptureFixture, waits: list[float]
) -> None:
    key = "AIzaSyCANARY-canary_canary"
    caplog.set_level(logging.DEBUG)
    vendor.on("/v1/services/6F81-5844-456A/skus", Reply(status=500))
    with (
        Fetcher(headers=gcp.key_headers(key), sleep=waits.append) as fetcher,
        pytest.raises(VendorError) as caught,
    ):
        gcp.read({"us-central1": frozenset({"gcp:ipv4"})}, fetcher, vendor.url)
    assert vendor.asked[0].headers["x-goog-api-key"] == key
    seen = f"{caught.value} {caught.value.__cause__} {caplog.text} {vendor.asked[0].path} {vendor.asked[0].query}"
    assert "canary" not in seen.lower()


@pytest.mark.parametrize("key", ["AIza canary", "canary\n", "canäry", "canary\x00"])
def test_a_key_that_cannot_be_one_is_refused_without_quoting_it(key: str) -> None:
    with pytest.raises(VendorError, match=r"^GCP_PRICES_API_KEY holds characters that are in no API key\.$"):
        gcp.key_headers(key)
