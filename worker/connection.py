"""How a worker reaches Redis: every wait bounded, lost connections made again."""

from __future__ import annotations

import os
from typing import Any, cast
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from redis.sentinel import Sentinel

from tiktok_events.keys import embedded_socket

_TIMEOUT_SECONDS = 5.0


def url_of_redis() -> str:
    """Return `REDIS_URL`, or the URL of this machine's embedded server when it is unset."""
    return os.environ.get("REDIS_URL") or f"unix://{embedded_socket()}"


def url_of_broker() -> str:
    """Return where Celery's wake-ups go, in the spelling Celery wants: `CELERY_BROKER_URL`, else Redis itself."""
    url = os.environ.get("CELERY_BROKER_URL") or url_of_redis()
    return url.replace("unix://", "redis+socket://", 1)


def url_of_broker_in_redis() -> str:
    """Return the broker's URL as redis-py spells it. It may be no Redis: look at the scheme."""
    return os.environ.get("CELERY_BROKER_URL") or url_of_redis()


def connect(url: str | None = None, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> Redis:
    """Return a client for `url` (default: the environment). Nothing is sent before its first command.

    One retry on a lost connection: every script may run twice without harm, since what is settled, promoted or
    claimed is passed over the second time.
    """
    target = url or url_of_redis()
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "health_check_interval": 30,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), 1),
        "retry_on_error": [RedisConnectionError],
        "protocol": 2,
    }
    scheme = urlsplit(target).scheme
    if scheme != "unix":
        options["socket_keepalive"] = True
    if scheme == "redis+cluster":
        options.pop("retry_on_error")
        return cast("Redis", RedisCluster.from_url(target.replace("redis+cluster", "redis", 1), **options))
    if scheme == "redis+sentinel":
        return _behind_sentinel(target, options)
    return Redis.from_url(target, **options)


def _behind_sentinel(url: str, options: dict[str, Any]) -> Redis:
    """Return a client for `redis+sentinel://[:password@]host:port,host:port/service[/db]`."""
    parts = urlsplit(url)
    _, _, hosts = parts.netloc.rpartition("@")
    sentinels = [(host, int(port or 26379)) for host, _, port in (each.partition(":") for each in hosts.split(","))]
    service, _, db = parts.path.strip("/").partition("/")
    sentinel: Any = Sentinel(sentinels, socket_timeout=1.0)  # type: ignore[no-untyped-call] # redis-py
    return cast(
        "Redis", sentinel.master_for(service or "mymaster", db=int(db or 0), password=parts.password, **options)
    )
