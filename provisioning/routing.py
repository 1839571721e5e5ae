"""Addresses of the sockets; config.asgi mounts them behind accounts.sockets."""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path, re_path

from .consumers import OrganizationConsumer, RunConsumer


class NothingHere(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Any other address: closed with 4404 instead of an exception in the log."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(4404)


websocket_urlpatterns: list[Any] = [
    path("ws/runs/<uuid:pk>", RunConsumer.as_asgi()),
    path("ws/organization", OrganizationConsumer.as_asgi()),
    re_path(r"", NothingHere.as_asgi()),
]
