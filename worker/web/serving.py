"""How are the pages served?"""

from __future__ import annotations

import logging
import signal
import sys
from typing import Any

from redis import Redis
from waitress.server import create_server

from worker import logs
from worker.config import Config
from worker.web.app import create_app
from worker.web.settings import WebSettings

log = logging.getLogger(__name__)

_THREADS = 8


def serve(config: Config, redis: Redis, settings: WebSettings, *, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C, then end the requests under way."""
    logs.start()
    app = create_app(config, redis, settings)
    server: Any = create_server(
        app,
        host=settings.host,
        port=port,
        threads=_THREADS,
        ident=None,
        # They decide who a visitor is, and that is decided in one place: worker/web/proxies.py.
        clear_untrusted_proxy_headers=False,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"listening on http://{settings.host}:{server.effective_port}/", flush=True)
    try:
        server.run()
    finally:
        server.close()
