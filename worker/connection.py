"""How a worker reaches Redis: every wait bounded, lost connections made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from redis import Redis, SSLConnection
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from redis.sentinel import Sentinel

from tiktok_events.addresses import RedisAddress, choose_url, parse_address, without_own_options
from worker import cluster

_TIMEOUT_SECONDS = 5.0
_SENTINEL_TIMEOUT_SECONDS = 1.0


def url_of_redis() -> str:
    """Return `REDIS_URL`, or the URL of this machine's embedded server when it is unset."""
    return choose_url()


def connect(url: str | None = None, *, timeout_seconds: float = _TIMEOUT_SECONDS, retries: int = 1) -> Redis:
    """Return a client for `url` (default: the environment). Only a cluster is asked for something before the first
    command: who has which keys.

    One retry on a lost connection: every script may run twice without harm, since what is settled, promoted or
    claimed is passed over the second time.

    Raises:
        ValueError: the URL is none; without the URL, for it may hold a password.
        redis.exceptions.ConnectionError: no server of the cluster answers.
    """
    target = url or url_of_redis()
    address = parse_address(target)
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "health_check_interval": 30,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), retries),
        "retry_on_error": [RedisConnectionError],
        "protocol": 2,
        **unnamed(address.options),
    }
    if address.nodes:
        options["socket_keepalive"] = True
    if address.cluster:
        options.pop("retry_on_error")
        own = {name: value for name, value in address.options.items() if name != "db"}
        return cast("Redis", cluster.connected(address.nodes, {**own, **_tls(address), **options}))
    if address.service is not None:
        return _behind_sentinel(address, address.service, options)
    return Redis.from_url(without_own_options(target), **options)


def unnamed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the option of redis-py that keeps connections from telling the server the library's name.

    That is two round trips for each new connection, and a line in the `ACL LOG` of a server whose users may not call
    `CLIENT SETINFO`. Only for who signs in: on a new TLS connection that asked nothing yet, redis-py takes what ends
    the handshake for an answer to something else.
    """
    return {"driver_info": None} if options.get("username") else {}


def hang_up(client: Redis) -> None:
    """Close the connections of a client, those included that another thread waits on."""
    if isinstance(client, RedisCluster):
        client.disconnect_connection_pools()
    else:
        client.connection_pool.disconnect()


def _behind_sentinel(address: RedisAddress, service: str, options: dict[str, Any]) -> Redis:
    own = {**address.options, **_tls(address)}
    waits = {
        "socket_timeout": _SENTINEL_TIMEOUT_SECONDS,
        "socket_connect_timeout": _SENTINEL_TIMEOUT_SECONDS,
    }
    asked = {**address.sentinel_options, **_tls(address), **waits}
    sentinel: Any = Sentinel(list(address.nodes), sentinel_kwargs=asked)  # type: ignore[no-untyped-call] # redis-py
    return cast("Redis", sentinel.master_for(service, **own, **options))


def _tls(address: RedisAddress) -> dict[str, bool]:
    return {"ssl": True} if address.link_class is SSLConnection else {}
