"""What is used of redis-py's connections, blocking ones and those of asyncio?"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class OutOfTime(Exception):  # noqa: N818 - never leaves the package
    """A link could not be opened in time."""


class Link(Protocol):
    """One connection to one server.

    Attributes:
        host: the server's name, "" for a Unix socket.
    """

    host: str

    async def open(self) -> None:
        """Connects and signs in."""

    async def send(self, pieces: list[bytes]) -> None:
        """Sends one command."""

    async def read(self) -> Any:
        """Returns the next answer, or raises it."""

    async def is_usable(self) -> bool:
        """Returns whether it is open and has no answer waiting that nobody asked for."""

    async def close(self) -> None:
        """Closes it at once."""


def unnamed(connection: Any) -> Any:
    """Keeps one of redis-py's connections that signs in from telling the server the library's name and version.

    That would take two round trips for each new connection, and a server whose users may not call
    ``CLIENT SETINFO`` would note each in its ``ACL LOG``. Who does not sign in goes on with it: a server
    that accepts and is silent has to be found out before an event is sent. The attributes are redis-py's
    newer and older ones; its parameters for them changed, too, and warn.
    """
    if connection.username:
        connection.driver_info = connection.lib_name = connection.lib_version = None
    return connection


@dataclass(frozen=True, slots=True)
class Way:
    """How links are made: blocking, or in an event loop.

    Attributes:
        new_link: makes a link, not yet open, from redis-py's class for a blocking connection and its options.
        open_in_time: opens one within seconds, or raises ``OutOfTime``.
        run_aside: runs a function that may block for a moment.
    """

    new_link: Callable[[Callable[..., Any], Mapping[str, Any]], Link]
    open_in_time: Callable[[Callable[[], Coroutine[Any, Any, Link]], float], Coroutine[Any, Any, Link]]
    run_aside: Callable[[Callable[[], None]], Coroutine[Any, Any, None]]
