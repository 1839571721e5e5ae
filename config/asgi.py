"""Web entry point: pages and API over HTTP, live logs over WebSocket."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  - models must be loaded first

from accounts.sockets import ActorSocketMiddleware  # noqa: E402
from config.handlers import OneThreadHandler  # noqa: E402
from provisioning.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {"http": OneThreadHandler(), "websocket": ActorSocketMiddleware(URLRouter(websocket_urlpatterns))}
)

# What is loaded by now stays: take it out of every later collection, and collect less often (6 % of an order's CPU).
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
