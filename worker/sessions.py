"""How is a request made that leaves this machine: verified, bounded, to nobody but who was meant?"""

from __future__ import annotations

import os
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tiktok_events.deadline import WholeAnswer


def new_session() -> requests.Session:
    """Return a session that uses no proxy, certificates or passwords that the environment has for other programs.

    Certificates are checked against the bundled authorities, or against those in `TIKTOK_EVENTS_CA_FILE` alone. A
    request's timeout bounds its whole answer. Callers say `allow_redirects=False`: requests has no such setting.
    """
    session = requests.Session()
    session.trust_env = False
    session.verify = os.environ.get("TIKTOK_EVENTS_CA_FILE") or True
    # One connection that is kept; requests' own retries would hide what happened.
    adapter = _Bounded(pool_connections=4, pool_maxsize=1, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["User-Agent"] = "tiktok-events"
    return session


class _Plain(HTTPConnection):
    response_class = WholeAnswer


class _Tls(HTTPSConnection):
    response_class = WholeAnswer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


class _Bounded(HTTPAdapter):
    """Makes connections whose answers end in time."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
