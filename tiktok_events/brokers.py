"""Where do Celery's wake-ups go, in Celery's words?

Celery's own URLs pass as they are. Two of ours are translated: that of a Unix socket, and that of a
master behind Sentinels, ``redis+sentinel://host,host/service/db``, for which Celery wants a URL a
Sentinel and the service beside them. Celery cannot use a cluster.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tiktok_events.addresses import choose_url, parse_address, without_own_options

#: One of several Sentinels that does not answer must leave time for the others.
_SENTINEL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker as Celery is told of it.

    Attributes:
        url: Celery's ``broker_url``; it may hold a password, so it is not shown.
        transport_options: what belongs into ``broker_transport_options`` with it.
    """

    url: str = field(repr=False)
    transport_options: dict[str, Any] = field(default_factory=dict, repr=False)


def choose_broker(redis_url: str | None = None) -> Broker:
    """Returns the broker: ``CELERY_BROKER_URL``, else the server where the events are.

    Raises:
        ValueError: Celery cannot use it; without the URL, for it may hold a password.
    """
    url = os.environ.get("CELERY_BROKER_URL") or choose_url(redis_url)
    scheme = url.partition("://")[0]
    if scheme == "unix":
        return Broker("redis+socket" + without_own_options(url)[len("unix") :])
    if scheme == "redis+sentinel":
        return _behind_sentinels(url)
    if scheme == "sentinel":
        return _celerys_own(url)
    if scheme.partition("+")[2] in ("sentinel", "cluster"):
        raise ValueError(f"Celery cannot use a {scheme}:// URL: set CELERY_BROKER_URL to one server beside it")
    return Broker(without_own_options(url))


def _behind_sentinels(url: str) -> Broker:
    address = parse_address(url)
    signed_in = {name: address.options.get(name) for name in ("username", "password")}
    sign_in = ":".join(quote(each or "", safe="") for each in signed_in.values()) if any(signed_in.values()) else ""
    front, database = f"sentinel://{sign_in}{'@' if sign_in else ''}", address.options.get("db", 0)
    # Each of them whole: after a failure kombu goes on with the next one alone.
    urls = [f"{front}{host}:{port}/{database}" for host, port in address.nodes]
    asked = {**address.sentinel_options, "socket_timeout": _SENTINEL_SECONDS}
    return Broker(";".join(urls), {"master_name": address.service, "sentinel_kwargs": asked})


def _celerys_own(url: str) -> Broker:
    """Returns Celery's spelling, with the name of the master taken out: Celery wants that beside the URL."""
    plain, _, query = url.partition("?")
    names = parse_qs(query).get("master_name")
    if not names or len(names) != 1 or not urlsplit(plain).netloc:
        raise ValueError("a sentinel:// URL of Celery's broker ends with the name of the master: ?master_name=...")
    return Broker(plain, {"master_name": names[0]})
