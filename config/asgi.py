"""Web entry point: pages and API over HTTP, live logs over WebSocket."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  - models must be loaded first

from accounts.sockets import ActorSocketMiddleware  # noqa: E402
from provisioning.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {"http": django_application, "websocket": ActorSocketMiddleware(URLRouter(websocket_urlpatterns))}
)
