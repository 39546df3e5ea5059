"""How are the pages served?"""

from __future__ import annotations

import logging
import signal
import sys
from typing import Any

from redis import Redis
from waitress.server import create_server

from tiktok_events import Producer
from worker.config import Config
from worker.connection import connect, url_of_redis
from worker.door import MAX_BODY_BYTES, blueprint
from worker.web.app import create_app
from worker.web.patience import SILENT_SECONDS, PatientChannel, listeners
from worker.web.settings import WebSettings

log = logging.getLogger(__name__)

_THREADS = 8
_DOOR_SECONDS = 1.0
"""Longest wait for Redis, twice: Segment gives an answer five seconds."""


def serve(
    config: Config, redis: Redis, settings: WebSettings, *, port: int, door: bool = False, only_door: bool = False
) -> None:
    """Serve until SIGTERM or Ctrl-C, then end the requests under way. `only_door` is the door without the pages."""
    entrance = (
        blueprint(config, connect(timeout_seconds=_DOOR_SECONDS), Producer(url_of_redis()))
        if door or only_door
        else None
    )
    app = create_app(config, redis, settings, door=entrance, only_door=only_door)
    server: Any = create_server(
        app,
        host=settings.host,
        port=port,
        threads=_THREADS,
        max_request_body_size=MAX_BODY_BYTES,
        # A larger one would go through a file in the temporary folder, events in clear.
        inbuf_overflow=MAX_BODY_BYTES + 1,
        ident=None,
        channel_timeout=SILENT_SECONDS,
        cleanup_interval=5,
        # They decide who a visitor is, and that is decided in one place: worker/web/proxies.py.
        clear_untrusted_proxy_headers=False,
    )
    for listener in listeners(server):
        listener.channel_class = PatientChannel
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # A name such as localhost may have several addresses, and then a socket for each.
    listening = getattr(server, "effective_listen", None) or [(server.effective_host, server.effective_port)]
    for address, at in listening:
        print(f"listening on http://{f'[{address}]' if ':' in address else address}:{at}/", flush=True)
    try:
        server.run()
    finally:
        server.close()
