"""Reading a vendor's price API: streamed, tried again when that may help, and never half.

An answer that ends early is an error and not a short price list. Messages name the address without its query, and
nothing of a request's headers.
"""

from __future__ import annotations

import codecs
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from django.utils import timezone
from tqdm import tqdm

ATTEMPTS = 6
LONGEST_WAIT = 120.0  # seconds between two attempts, whatever Retry-After says
TIMEOUT = httpx.Timeout(30.0, read=90.0)  # seconds to connect, and without a byte
PASSING = {429, 500, 502, 503, 504}  # statuses that may be gone at the next attempt
LARGEST_JSON = 128 * 1024 * 1024  # bytes; what is larger must be streamed as lines

T = TypeVar("T")


class VendorError(Exception):
    """A vendor's prices could not be read; the message says from where and why."""


class Truncated(VendorError):
    """An answer ended before it was complete."""


class _Passing(Exception):
    """One attempt failed, another may not; ``wait`` is what the vendor asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body is yet to be read, once."""

    response: httpx.Response
    label: str  # for the progress bar

    @property
    def address(self) -> str:
        return address_of(str(self.response.url))

    def chunks(self) -> Iterator[bytes]:
        """The body as it arrives. Raises ``httpx.RemoteProtocolError`` when it ends early."""
        headers = self.response.headers
        if "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", ""):
            raise VendorError(f"{self.address} does not say how long its answer is, so a cut one would go unnoticed.")
        total = int(headers["content-length"]) if "content-length" in headers else None
        with tqdm(total=total, desc=self.label, unit="B", unit_scale=True, disable=None, leave=False) as bar:
            for chunk in self.response.iter_bytes():
                bar.update(len(chunk))
                yield chunk

    def lines(self) -> Iterator[str]:
        """The body's lines with their ends, one after the other: the body is never held as a whole."""
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        rest = ""
        for chunk in self.chunks():
            *whole, rest = (rest + decode(chunk)).split("\n")
            yield from (f"{line}\n" for line in whole)
        if rest:
            yield rest

    def json(self) -> Any:
        """The body as JSON; its numbers are ``Decimal``. Raises :class:`Truncated`."""
        body = bytearray()
        for chunk in self.chunks():
            body += chunk
            if len(body) > LARGEST_JSON:
                raise VendorError(f"{self.address} answered with more than {LARGEST_JSON // 2**20} MiB.")
        try:
            return json.loads(body, parse_float=Decimal)
        except ValueError as error:
            raise Truncated(f"{self.address} answered with JSON that is cut or broken.") from error


class Fetcher:
    """GET requests with patience. ``headers`` go along with each; ``sleep`` waits between attempts."""

    def __init__(
        self, *, headers: Mapping[str, str] | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        # identity: a compressed body that is cut cannot always be told from a whole one
        self._client = httpx.Client(timeout=TIMEOUT, headers={"Accept-Encoding": "identity", **(headers or {})})
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._client.close()

    def read(self, url: str, take: Callable[[Answer], T], *, label: str, params: Mapping[str, str] | None = None) -> T:
        """``take`` applied to the answer; applied anew to each further attempt, so it must not keep what it read.

        Raises :class:`VendorError` after the last attempt, and at once for a refusal.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(url, take, label, params)
            except _Passing as failure:
                if attempt == ATTEMPTS:
                    raise VendorError(f"{address_of(url)} {failure}, {ATTEMPTS} times in a row.") from failure
                wait = failure.wait if failure.wait is not None else 2.0 ** (attempt - 1)
                self._sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, url: str, take: Callable[[Answer], T], label: str, params: Mapping[str, str] | None) -> T:
        try:
            with self._client.stream("GET", url, params=params) as response:
                if response.status_code in PASSING:
                    raise _Passing(f"answered {response.status_code}", _retry_after(response))
                if response.status_code != 200:
                    raise VendorError(f"{address_of(url)} answered {response.status_code} {response.reason_phrase}.")
                return take(Answer(response, label))
        except Truncated as error:
            raise _Passing("sent an answer that was cut off") from error
        except httpx.RequestError as error:
            raise _Passing(_in_words(error)) from error


def address_of(url: str) -> str:
    """``url`` without its query: fit for a message and for a price's source."""
    return url.partition("?")[0]


def _in_words(error: httpx.RequestError) -> str:
    """Never the error's own text: that may quote what was sent."""
    if isinstance(error, httpx.TimeoutException):
        return "did not answer in time"
    if isinstance(error, httpx.RemoteProtocolError):
        return "sent an answer that was cut off"
    if isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol):
        return "cannot be reached"
    return f"could not be read ({type(error).__name__})"


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait as the header says, which may hold a number or a date; None where it says nothing usable."""
    given = response.headers.get("retry-after", "").strip()
    if given.isdigit():
        return float(given)
    try:
        return max(0.0, (parsedate_to_datetime(given) - timezone.now()).total_seconds())
    except (TypeError, ValueError):
        return None
