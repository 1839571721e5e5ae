"""How an HTTP request gets through Django under ASGI: in one step, in one thread.

All our views and nearly all middleware are synchronous. Django's own ASGI handler walks asynchronous middleware in the
event loop and hops into a thread and back for each synchronous piece: some twenty hops per request, four fifths of
the CPU of an order (py-spy, 2026-11-23). Here the event loop reads the request and serves static files; everything
else runs as it does under a threaded WSGI server, in a thread that is kept, with its database connection returned to
the pool and its cache connection held. What a view produces part by part is sent so (``streaming``), from threads of
its own: slow readers of long exports must not keep others from being answered. WebSockets do not come through here.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.db import close_old_connections
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.middleware.security import SecurityMiddleware
from django.urls import set_script_prefix
from servestatic.middleware import ServeStaticMiddleware

from .streaming import parts_of


class OneThreadHandler(ASGIHandler):
    """Django's ASGI handler with its whole middleware chain in one worker thread per request."""

    def __init__(self) -> None:
        super().__init__()
        self.threads = ThreadPoolExecutor(settings.WEB_THREADS, thread_name_prefix="request")
        self.stream_threads = ThreadPoolExecutor(settings.WEB_STREAMS, thread_name_prefix="stream")
        self.security = SecurityMiddleware(self.get_response)  # for its headers on static files
        self.front: Any = convert_exception_to_response(ServeStaticMiddleware(self._in_thread))

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the synchronous chain, whatever the caller asks for."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError(f"only HTTP comes through here, not {scope['type']}")
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        try:
            await self._answer(scope, body, receive, send)
        finally:
            body.close()

    async def _answer(self, scope: Any, body: IO[bytes], receive: Any, send: Any) -> None:
        set_script_prefix(get_script_prefix(scope))
        request, response = self.create_request(scope, body)
        if request is not None:
            response = self.security.process_response(request, await self.front(request))
        assert response is not None  # create_request gives one or the other
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            await self._stream(response, receive, send)
            return
        try:
            await self.send_response(response, send)
        finally:
            if response.streaming:
                await asyncio.get_running_loop().run_in_executor(self.threads, response.close)

    async def _stream(self, response: StreamingHttpResponse, receive: Any, send: Any) -> None:
        """Send it part by part, until its end or until the client is gone."""
        parts = parts_of(response, self.stream_threads)
        sent = StreamingHttpResponse(parts, status=response.status_code, headers=dict(response.items()))
        sent.cookies = response.cookies
        sending = asyncio.ensure_future(self.send_response(sent, send))
        leaving = asyncio.ensure_future(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = await self._end(sending, leaving)
            await parts.aclose()
        if ended is not None:
            raise ended

    async def _end(self, sending: asyncio.Future[None], leaving: asyncio.Future[None]) -> BaseException | None:
        """Cancel what still runs; the error that sending ended with, if it did."""
        sending.cancel()
        leaving.cancel()
        outcome, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
        return None if isinstance(outcome, asyncio.CancelledError) else outcome

    async def _in_thread(self, request: ASGIRequest) -> HttpResponseBase:
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._work, request)

    def _work(self, request: ASGIRequest) -> HttpResponseBase:
        """From the first middleware to the closed response; what is closed can still be sent."""
        set_script_prefix(get_script_prefix(request.scope))
        signals.request_started.send(sender=self.__class__, scope=request.scope)
        response = self.get_response(request)
        setattr(response, "_handler_class", self.__class__)  # noqa: B010  - the sender of request_finished
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if response.streaming:
            close_old_connections()  # this thread's; what produces the parts opens one of its own
        else:
            response.close()
        return response
