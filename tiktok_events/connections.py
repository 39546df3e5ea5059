"""How does a command reach Redis at most once?

redis-py's own clients retry, so a command whose answer was late may run twice. Here a command is
sent once over one of redis-py's connections, and the caller learns which of three things happened:
it was answered, it certainly did not run, or nobody knows.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import Any

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from tiktok_events.addresses import Link, Node, RedisAddress
from tiktok_events.connecting import Connector
from tiktok_events.errors import Unavailable

Word = bytes | str | int

#: Firewalls forget quiet connections without a word to either side, so a long quiet one is not used
#: again: what is sent into it would be lost, and the producer would not know.
MAX_IDLE_SECONDS = 30.0
MAX_IDLE_CONNECTIONS = 16
_MAX_REDIRECTS = 5


class Connections:
    """The idle connections of one process to one Redis; threads share it, forked children start afresh.

    No locks: deques and dicts change atomically, and a lock that another thread held during a fork
    would never open again in the child.
    """

    def __init__(self, address: RedisAddress, *, timeout_seconds: float) -> None:
        self._connector = Connector(address, timeout_seconds=timeout_seconds)
        self._start_afresh()

    def call(self, key: str, *command: Word, deadline: float, writes: bool) -> Any:
        """Sends a command once and returns the answer.

        Args:
            key: the command's only key; it says which server of a cluster is asked.
            command: its words.
            deadline: on the clock of ``time.monotonic``; nothing is sent after it. The answer to what
                was sent before may take the connection's time-out longer.
            writes: whether it matters that the command may have run.

        Raises:
            Unavailable: with ``maybe_stored`` only if ``writes`` and the answer did not come.
            ResponseError: the server refused; the command did not run.
        """
        asked_once: Node | None = None
        for _ in range(_MAX_REDIRECTS):
            node = asked_once or self._node_of_key.get(key)
            try:
                connection = self._take(node, deadline)
            except Unavailable:
                if node is None:
                    raise
                # A server of a cluster is gone; another one knows who has its slots now.
                asked_once = None
                self._node_of_key.pop(key, None)
                continue
            answered = True
            try:
                if asked_once:
                    asked_once = None
                    _answer(connection, "ASKING", writes=False)
                return _answer(connection, *command, writes=writes)
            except AskError as error:
                host, port = error.node_addr
                target = (host or getattr(connection, "host", ""), port)
                if isinstance(error, MovedError):
                    self._node_of_key[key] = target
                else:  # the slot is on its way: only this one command goes there
                    asked_once = target
            except ReadOnlyError:
                # The master became a replica. It refused, so to ask its successor is safe.
                answered = False
                connection.disconnect()
                self.close()
            except ResponseError:
                raise
            except BaseException:
                answered = False
                self._node_of_key.pop(key, None)
                raise
            finally:
                if answered:
                    self._give_back(node, connection)
        raise Unavailable("Redis sends the command from one server to another and none takes it")

    def close(self) -> None:
        """Closes the idle connections; the next call makes new ones."""
        stacks = list(self._idle.values()) if self._pid == os.getpid() else []
        self._start_afresh()
        for stack in stacks:
            while stack:
                stack.pop()[1].disconnect()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._idle: dict[Node | None, deque[tuple[float, Link]]] = {}
        self._node_of_key: dict[str, Node] = {}

    def _take(self, node: Node | None, deadline: float) -> Link:
        if self._pid != os.getpid():
            self._start_afresh()
        connection = self._idle_connection(node)
        if connection is None:
            connection = self._connector.connect(node, within_seconds=deadline - time.monotonic())
        if time.monotonic() >= deadline:
            self._give_back(node, connection)
            raise Unavailable("Redis cannot be reached in time")
        return connection

    def _idle_connection(self, node: Node | None) -> Link | None:
        stack = self._idle.get(node)
        while stack:
            try:
                since, connection = stack.pop()
            except IndexError:  # another thread was faster
                return None
            if time.monotonic() - since < MAX_IDLE_SECONDS and _is_usable(connection):
                return connection
            connection.disconnect()
        return None

    def _give_back(self, node: Node | None, connection: Link) -> None:
        if self._pid == os.getpid():
            stack = self._idle.setdefault(node, deque(maxlen=MAX_IDLE_CONNECTIONS))
            stack.append((time.monotonic(), connection))


def _is_usable(connection: Link) -> bool:
    """Says whether an idle connection is open and has no answer waiting that nobody asked for."""
    try:
        return not connection.can_read()
    except (RedisError, OSError):
        return False


def _packed(command: tuple[Word, ...]) -> bytes:
    """Returns a command in one piece. redis-py's packer makes a send of every 6 KB: 8 µs an event more."""
    pieces = [b"*%d\r\n" % len(command)]
    for word in command:
        raw = word if isinstance(word, bytes) else str(word).encode("utf-8")
        pieces.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(pieces)


def _answer(connection: Link, *command: Word, writes: bool) -> Any:
    try:
        connection.send_packed_command([_packed(command)], check_health=False)
        return connection.read_response()
    except ResponseError:
        raise
    except (AuthenticationError, BusyLoadingError) as error:
        connection.disconnect()
        raise Unavailable(f"Redis refuses for now: {type(error).__name__}") from None
    except RedisError as error:
        connection.disconnect()
        raise Unavailable(
            f"Redis does not answer ({type(error).__name__})"
            + ("; what was sent may have been stored" if writes else ""),
            maybe_stored=writes,
        ) from None
    except BaseException:
        # Interrupted between question and answer: the next command would read this one's answer.
        connection.disconnect()
        raise
