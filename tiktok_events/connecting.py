"""How is a connection to the right server made, within a bounded time?

No socket time-out covers the look-up of a host's name, several addresses of one host, a TLS
handshake and a sign-in together. So a connection is made in a thread that is given up when the time
is over; this happens once a connection, not once an event.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

from tiktok_events import keys
from tiktok_events.addresses import Link, Node, RedisAddress
from tiktok_events.errors import Unavailable


class Connector:
    """Makes connections to the servers of one address.

    Args:
        address: where Redis is.
        timeout_seconds: the time-out of every later answer on the connections.
    """

    def __init__(self, address: RedisAddress, *, timeout_seconds: float) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds

    def connect(self, node: Node | None, *, within_seconds: float) -> Link:
        """Returns an open, signed-in connection.

        Args:
            node: a server of a cluster; None for the server, the master or any node of the cluster.
            within_seconds: how long to wait at most.

        Raises:
            Unavailable: with the reason; nothing but the sign-in was sent.
        """
        try:
            return _in_time(lambda: self._open(node), within_seconds)
        except FutureTimeoutError:
            raise Unavailable("Redis cannot be reached in time") from None
        except AuthenticationError:
            raise Unavailable("Redis refuses the user or the password in its URL") from None
        except (RedisError, OSError) as error:
            raise Unavailable(self._advice(error)) from None

    def _open(self, node: Node | None) -> Link:
        address = self._address
        if node is not None or not address.nodes:
            return self._opened(node, address.options)
        *others, last = address.nodes
        for known in others:
            with suppress(RedisError, OSError):
                return self._by_way_of(known)
        return self._by_way_of(last)

    def _by_way_of(self, known: Node) -> Link:
        if self._address.service is not None:
            known = self._master(known, self._address.service)
        return self._opened(known, self._address.options)

    def _opened(self, node: Node | None, options: Mapping[str, Any]) -> Link:
        where = {"host": node[0], "port": node[1]} if node else {}
        connection = self._address.link_class(
            **options,
            **where,
            socket_timeout=self._timeout_seconds,
            # One of several known hosts that swallows packets must leave time for the others.
            socket_connect_timeout=self._timeout_seconds / max(1, len(self._address.nodes)),
            retry=Retry(NoBackoff(), 0),
            # Protocol 3 adds a round trip and messages that arrive between answers.
            protocol=2,
        )
        connection.connect()
        return connection

    def _master(self, sentinel: Node, service: str) -> Node:
        connection = self._opened(sentinel, self._address.sentinel_options)
        try:
            connection.send_command("SENTINEL", "get-master-addr-by-name", service)
            answer = connection.read_response()
        finally:
            connection.disconnect()
        if not answer:
            raise ConnectionError("this Sentinel does not know the service")
        host, port = answer
        return host.decode(), int(port)

    def _advice(self, error: Exception) -> str:
        """Returns what to say about a failure, without its text, which may hold a URL's parts."""
        socket_path = self._address.options.get("path")
        if socket_path == str(keys.embedded_socket()) and not Path(socket_path).exists():
            return "there is no Redis: set REDIS_URL, or start a worker on this machine, which brings its own"
        return f"Redis cannot be reached ({type(error).__name__}): check REDIS_URL and that the server runs"


def _in_time(connect: Callable[[], Link], within_seconds: float) -> Link:
    future: Future[Link] = Future()

    def run() -> None:
        try:
            connection = connect()
        except BaseException as error:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
            return
        if future.set_running_or_notify_cancel():
            future.set_result(connection)
        else:  # nobody waits any more
            connection.disconnect()

    try:
        threading.Thread(target=run, name="tiktok-events-connect", daemon=True).start()
    except RuntimeError:  # the interpreter is shutting down and starts no threads
        return connect()
    try:
        return future.result(timeout=max(0.0, within_seconds))
    except FutureTimeoutError:
        # Python 3.11 and newer have one class for this and for a socket's time-out inside connect().
        if future.cancel():
            raise
        return future.result()
