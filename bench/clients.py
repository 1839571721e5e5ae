"""A lean HTTP/1.1 client: raw streams under asyncio, one kept connection each, so that it takes little CPU."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """One answer: status, body and how long it took in milliseconds."""

    status: int
    body: bytes
    milliseconds: float


class Client:
    """One connection to ``port`` that speaks as the holder of ``token``."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.head = (
            f"Host: 127.0.0.1:{port}\r\nAuthorization: Token {token}\r\nAccept: application/json\r\n"
            "Content-Type: application/json\r\n"
        )

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.writer.close()

    async def send(self, method: str, path: str, content: Any = None) -> Answer:
        body = json.dumps(content).encode() if content is not None else b""
        head = f"{method} /api/v1{path} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n"
        started = time.perf_counter()
        self.writer.write(head.encode() + body)
        status, answer = await self._receive()
        return Answer(status, answer, (time.perf_counter() - started) * 1000)

    async def _receive(self) -> tuple[int, bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
        return int(head.split(" ", 2)[1]), await self.reader.readexactly(int(length.split(":")[1]))


async def together(port: int, token: str, clients: int, requests: Iterator[tuple[str, str, Any]]) -> list[Answer]:
    """Send ``requests`` over ``clients`` connections at once, each connection one after the other."""

    async def work() -> list[Answer]:
        async with Client(port, token) as client:
            return [await client.send(*request) for request in requests]

    return [answer for answers in await asyncio.gather(*(work() for _ in range(clients))) for answer in answers]


def measure(
    port: int, token: str, clients: int, count: int, requests: Iterator[tuple[str, str, Any]]
) -> tuple[list[Answer], float]:
    """The answers to the next ``count`` requests and the seconds they took together."""
    started = time.perf_counter()
    answers = asyncio.run(together(port, token, clients, islice(requests, count)))
    return answers, time.perf_counter() - started
