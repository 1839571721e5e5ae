"""Sending what a synchronous view produces part by part, without ever having it all.

Django's own ASGI handler reads a synchronous iterator to its end before it sends the first byte. Here one kept thread
produces the parts, at most a few ahead of what the client has taken, with the one database connection that it opens;
the connection goes back when the last part is sent or the client is gone.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import Executor

from django.http import StreamingHttpResponse

PARTS_AHEAD = 4
PATIENCE = 60.0  # seconds for a client to take a part: one that does not keeps a thread and a connection from others


async def parts_of(response: StreamingHttpResponse, threads: Executor) -> AsyncGenerator[bytes]:
    """The parts of a response with a synchronous iterator; closes the response in the thread that produced them.

    Raises what producing raised, after the parts before it.
    """
    loop = asyncio.get_running_loop()
    ahead: asyncio.Queue[bytes | None] = asyncio.Queue(PARTS_AHEAD)
    is_unwanted = threading.Event()

    def hand_over(part: bytes) -> None:
        handing = asyncio.run_coroutine_threadsafe(ahead.put(part), loop)
        try:
            handing.result(timeout=PATIENCE)
        except TimeoutError:
            handing.cancel()
            raise ConnectionAbortedError(f"nothing was taken for {PATIENCE:.0f} s") from None

    def produce() -> None:
        try:
            for part in response:
                if is_unwanted.is_set():
                    return
                hand_over(part)
        finally:
            response.close()
            asyncio.run_coroutine_threadsafe(ahead.put(None), loop)  # when there is room: nobody waits for it here

    producing = loop.run_in_executor(threads, produce)
    part: bytes | None = b""
    try:
        while (part := await ahead.get()) is not None:
            yield part
        await producing
    finally:
        is_unwanted.set()
        while part is not None and not (producing.done() and ahead.empty()):  # the thread may wait for room
            part = await ahead.get()
