"""How is a connection to the right server made, within a bounded time?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.exceptions import AuthenticationError, RedisError

from tiktok_events import keys
from tiktok_events.addresses import Node, RedisAddress
from tiktok_events.commands import packed
from tiktok_events.errors import Unavailable
from tiktok_events.links import Link, OutOfTime, Way


class Connector:
    """Makes connections to the servers of one address.

    Args:
        address: where Redis is.
        way: how links are made.
        timeout_seconds: the time-out of every later answer on the connections.
    """

    def __init__(self, address: RedisAddress, way: Way, *, timeout_seconds: float) -> None:
        self._address = address
        self._way = way
        self._timeout_seconds = timeout_seconds

    async def connect(self, node: Node | None, *, within_seconds: float) -> Link:
        """Returns an open, signed-in connection.

        Args:
            node: a server of a cluster; None for the server, the master or any node of the cluster.
            within_seconds: how long to wait at most.

        Raises:
            Unavailable: with the reason; nothing but the sign-in was sent.
        """
        try:
            return await self._way.open_in_time(lambda: self._open(node), within_seconds)
        except OutOfTime:
            raise Unavailable("Redis cannot be reached in time") from None
        except AuthenticationError:
            raise Unavailable("Redis refuses the user or the password in its URL") from None
        except (RedisError, OSError) as error:
            raise Unavailable(self._advice(error)) from None

    async def _open(self, node: Node | None) -> Link:
        address = self._address
        if node is not None or not address.nodes:
            return await self._opened(node, address.options)
        *others, last = address.nodes
        for known in others:
            with suppress(RedisError, OSError):
                return await self._by_way_of(known)
        return await self._by_way_of(last)

    async def _by_way_of(self, known: Node) -> Link:
        if self._address.service is not None:
            known = await self._master(known, self._address.service)
        return await self._opened(known, self._address.options)

    async def _opened(self, node: Node | None, options: Mapping[str, Any]) -> Link:
        where = {"host": node[0], "port": node[1]} if node else {}
        link = self._way.new_link(
            self._address.link_class,
            {
                **options,
                **where,
                "socket_timeout": self._timeout_seconds,
                # One of several known hosts that swallows packets must leave time for the others.
                "socket_connect_timeout": self._timeout_seconds / max(1, len(self._address.nodes)),
                # Protocol 3 adds a round trip and messages that arrive between answers.
                "protocol": 2,
            },
        )
        try:
            await link.open()
        except BaseException:
            await link.close()
            raise
        return link

    async def _master(self, sentinel: Node, service: str) -> Node:
        link = await self._opened(sentinel, self._address.sentinel_options)
        try:
            await link.send(packed(("SENTINEL", "get-master-addr-by-name", service)))
            answer = await link.read()
        finally:
            await link.close()
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
