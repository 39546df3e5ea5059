"""Where is Redis, by its URL?

=============================================  =============================================
``redis://[user:password@]host:port/db``       one server
``rediss://...``                               the same over TLS
``unix://[user:password@]/path?db=0``          one server on this machine
``redis+sentinel://host,host/service/db``      the master that the Sentinels name; port 26379
``redis+cluster://host,host``                  a cluster, found through any of the hosts
=============================================  =============================================

``rediss+sentinel`` and ``rediss+cluster`` use TLS. User and password are for the servers that hold
the data; Sentinels take theirs from ``?sentinel_username=`` and ``?sentinel_password=``. The other
query options are those of redis-py's URLs (``ssl_ca_certs``, ``ssl_cert_reqs``, ``client_name``, ...),
but for timeouts, retries and the protocol, which the caller decides.

``?wait_replicas=1`` makes a producer wait until so many replicas have an event, and call it ``Unavailable``
(``maybe_stored``) where they do not in time: a master that dies the moment after would take it along.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.connection import Connection, UnixDomainSocketConnection, parse_url

from tiktok_events import keys

Node = tuple[str, int]

_DEFAULT_PORTS = {"": 6379, "sentinel": 26379, "cluster": 6379}
_WAIT = "wait_replicas"
_MOST_REPLICAS = 100
_DECIDED_BY_THE_CALLER = (
    "socket_timeout",
    "socket_connect_timeout",
    "retry_on_timeout",
    "retry_on_error",
    "health_check_interval",
    "protocol",
    "max_connections",
    "timeout",
)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is and how to sign in.

    Attributes:
        nodes: hosts with ports: the server, the Sentinels, or some nodes of the cluster; empty for a
            Unix socket.
        service: the Sentinels' name of the master, else None.
        cluster: whether keys are spread over several servers.
        link_class: redis-py's class for one blocking connection to a server that holds data.
        wait_replicas: how many replicas must have an event before it counts as stored.
        options: its arguments, without host and port; they hold the password, so they are not shown.
        sentinel_options: the same for a Sentinel.
    """

    nodes: tuple[Node, ...]
    service: str | None
    cluster: bool
    link_class: Callable[..., Any]
    wait_replicas: int
    options: Mapping[str, Any] = field(repr=False)
    sentinel_options: Mapping[str, Any] = field(repr=False)


def choose_url(explicit: str | None = None) -> str:
    """Returns the URL to use: the given one, else ``REDIS_URL``, else that of the embedded server."""
    return explicit or os.environ.get("REDIS_URL") or f"unix://{keys.embedded_socket()}"


def parse_address(url: str) -> RedisAddress:
    """Returns what a URL of the table above says.

    Raises:
        ValueError: without the URL, for it may hold a password.
    """
    scheme, _, rest = url.partition("://")
    transport, _, topology = scheme.partition("+")
    if topology not in _DEFAULT_PORTS or transport not in ("redis", "rediss", "unix") or not rest:
        raise ValueError(
            "the URL of Redis begins with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"
        )
    wait_replicas = _wait_replicas(url)
    url = without_own_options(url)
    if transport == "unix":
        return _unix(url, wait_replicas)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("the URL of Redis has a host that is none") from None
    sign_in, at, hosts = parts.netloc.rpartition("@")
    nodes = tuple(_node(host, _DEFAULT_PORTS[topology]) for host in hosts.split(","))
    if not topology and len(nodes) > 1:
        raise ValueError("the URL of Redis names several hosts; write redis+sentinel:// or redis+cluster://")
    service, database = None, parts.path.strip("/")
    if topology == "sentinel":
        service, _, database = database.partition("/")
        if not service:
            raise ValueError("a redis+sentinel:// URL ends with the name of the master: .../service or .../service/0")
    if database and not database.isdecimal():
        raise ValueError("the URL of Redis has a path that is not the number of a database")
    if topology == "cluster" and database not in ("", "0"):
        raise ValueError("the URL of Redis names a database; a cluster has 0 only")
    # redis-py reads the rest of the URL; the host is a stand-in, for it knows only one.
    options = _options(f"{transport}://{sign_in}{at}localhost/{database}?{parts.query}")
    options.pop("host", None)
    sentinel_options = _sentinel_options(options)
    link_class = options.pop("connection_class", Connection)
    _check_options(link_class, options)
    return RedisAddress(
        nodes=nodes,
        service=service,
        cluster=topology == "cluster",
        wait_replicas=wait_replicas,
        link_class=link_class,
        options=MappingProxyType(options),
        sentinel_options=MappingProxyType(sentinel_options),
    )


def without_own_options(url: str) -> str:
    """Returns a URL without the option that redis-py and Celery do not know."""
    plain, _, query = url.partition("?")
    if _WAIT not in query:
        return url
    rest = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != _WAIT]
    return f"{plain}?{urlencode(rest)}" if rest else plain


def _wait_replicas(url: str) -> int:
    told = [value for name, value in parse_qsl(url.partition("?")[2], keep_blank_values=True) if name == _WAIT]
    if not told:
        return 0
    if len(told) > 1 or not told[0].isdecimal() or int(told[0]) > _MOST_REPLICAS:
        raise ValueError(f"the URL of Redis says wait_replicas, which is a number from 0 to {_MOST_REPLICAS}")
    return int(told[0])


def _unix(url: str, wait_replicas: int) -> RedisAddress:
    options = _options(url)
    if not options.get("path"):
        raise ValueError("a unix:// URL names the path of a socket: unix:///run/redis.sock")
    link_class = options.pop("connection_class", UnixDomainSocketConnection)
    _check_options(link_class, options)
    return RedisAddress((), None, False, link_class, wait_replicas, MappingProxyType(options), MappingProxyType({}))


def _node(host_and_port: str, default_port: int) -> Node:
    try:
        parts = urlsplit(f"//{host_and_port}")
        return parts.hostname or "localhost", parts.port or default_port
    except ValueError:
        raise ValueError("the URL of Redis has a host or a port that is none") from None


def _options(single_url: str) -> dict[str, Any]:
    try:
        options: dict[str, Any] = parse_url(single_url)  # type: ignore[no-untyped-call]
    except (ValueError, AttributeError):
        raise ValueError("the URL of Redis has an option with a value that redis-py refuses") from None
    for name in _DECIDED_BY_THE_CALLER:
        options.pop(name, None)
    return options


def _sentinel_options(options: dict[str, Any]) -> dict[str, Any]:
    """Returns what differs for Sentinels, and takes it out of the options for servers."""
    own = {name: value for name, value in options.items() if name not in ("username", "password", "db")}
    for name in ("username", "password"):
        own.pop(f"sentinel_{name}", None)
        if value := options.pop(f"sentinel_{name}", None):
            own[name] = value
    return own


def _check_options(link_class: Callable[..., Any], options: dict[str, Any]) -> None:
    """Makes a connection without connecting, for only redis-py knows which options there are."""
    try:
        link_class(**options)
    except Exception:
        raise ValueError("the URL of Redis has an option that redis-py does not know or refuses") from None
