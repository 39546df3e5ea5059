"""How does a command reach Redis at most once?

redis-py's own clients retry, so a command whose answer was late may run twice. Here a command is
sent once over one of redis-py's connections, and the caller learns which of three things happened:
it was answered, it certainly did not run, or nobody knows.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
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

from tiktok_events.addresses import Node
from tiktok_events.commands import Word, packed
from tiktok_events.connecting import Connector
from tiktok_events.errors import Unavailable
from tiktok_events.links import Link

#: Firewalls forget quiet connections without a word to either side, so a long quiet one is not used
#: again: what is sent into it would be lost, and the producer would not know.
MAX_IDLE_SECONDS = 30.0
MAX_IDLE_CONNECTIONS = 16
_MAX_REDIRECTS = 5
_ASKING = packed(("ASKING",))


class Question:
    """A command that was sent and whose answer has to be fetched.

    Attributes:
        replicas: how many replicas must have what it writes; that many are waited for in the same round trip.
    """

    __slots__ = ("key", "link", "node", "pieces", "replicas", "writes")

    link: Link
    node: Node | None

    def __init__(self, key: str, pieces: list[bytes], *, writes: bool, replicas: int) -> None:
        self.key = key
        self.pieces = pieces
        self.writes = writes
        self.replicas = replicas


class Connections:
    """The idle connections of one process to one Redis; threads share it, forked children start afresh.

    No locks: deques and dicts change atomically, and a lock that another thread held during a fork
    would never open again in the child.
    """

    def __init__(self, connector: Connector, *, replicas: int = 0, replicas_within_seconds: float = 0.0) -> None:
        self._connector = connector
        self._replicas = replicas
        # 0 would wait for ever.
        self._wait = b"".join(packed(("WAIT", replicas, max(1, int(replicas_within_seconds * 1000)))))
        self._start_afresh()

    async def call(self, key: str, *head: Word, tail: Sequence[Word] = (), deadline: float, writes: bool) -> Any:
        """Sends a command once and returns the answer: ``ask`` and ``answer`` together."""
        question = await self.ask(key, *head, tail=tail, deadline=deadline, writes=writes)
        return await self.answer(question, deadline=deadline)

    async def ask(self, key: str, *head: Word, tail: Sequence[Word] = (), deadline: float, writes: bool) -> Question:
        """Sends a command once; ``answer`` has to follow.

        Args:
            key: the command's first key; it says which server of a cluster is asked.
            head, tail: its words; see ``packed``.
            deadline: on the clock of ``time.monotonic``; nothing is sent after it.
            writes: whether it matters that the command may have run.

        Raises:
            Unavailable: with ``maybe_stored`` only if ``writes`` and a part of it was sent.
        """
        replicas = self._replicas if writes else 0
        pieces = packed(head, tail)
        if replicas:
            pieces[-1] += self._wait
        question = Question(key, pieces, writes=writes, replicas=replicas)
        await self._send(question, None, deadline)
        return question

    async def answer(self, question: Question, *, deadline: float) -> Any:
        """Returns the answer. It may take the connection's time-out longer than ``deadline``.

        Raises:
            Unavailable: with ``maybe_stored`` only if the command writes and the answer did not come, or too few
                replicas have it.
            ResponseError: the server refused; the command did not run.
        """
        asked_once: Node | None = None
        for attempt in range(_MAX_REDIRECTS):
            if attempt:
                await self._send(question, asked_once, deadline)
                asked_once = None
            link = question.link
            try:
                stored, replicas = await _answer(link, question)
            except AskError as error:
                host, port = error.node_addr
                target = (host or link.host, port)
                if isinstance(error, MovedError):
                    self._node_of_key[question.key] = target
                else:  # the slot is on its way: only this one command goes there
                    asked_once = target
                await self._give_back(question.node, link)
            except ReadOnlyError:
                # The master became a replica. It refused, so to ask its successor is safe.
                await link.close()
                await self.close()
            except ResponseError:
                await self._give_back(question.node, link)
                raise
            except BaseException:
                self._node_of_key.pop(question.key, None)
                raise
            else:
                await self._give_back(question.node, link)
                if replicas < question.replicas:
                    raise Unavailable(_too_few(replicas, question.replicas), maybe_stored=True)
                return stored
        raise Unavailable("Redis sends the command from one server to another and none takes it")

    async def close(self) -> None:
        """Closes the idle connections; the next call makes new ones."""
        stacks = list(self._idle.values()) if self._pid == os.getpid() else []
        self._start_afresh()
        for stack in stacks:
            while stack:
                await stack.pop()[1].close()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._idle: dict[Node | None, deque[tuple[float, Link]]] = {}
        self._node_of_key: dict[str, Node] = {}

    async def _send(self, question: Question, asked_once: Node | None, deadline: float) -> None:
        """Sends a question to the server that has its key, or this once to another."""
        node = asked_once or self._node_of_key.get(question.key)
        try:
            link = await self._take(node, deadline)
        except Unavailable:
            if node is None:
                raise
            # A server of a cluster is gone; another one knows who has its slots now.
            self._node_of_key.pop(question.key, None)
            node = asked_once = None
            link = await self._take(node, deadline)
        if asked_once:
            await _write(link, _ASKING, writes=False)
            await _read(link, writes=False)
        try:
            await _write(link, question.pieces, writes=question.writes)
        except BaseException:
            self._node_of_key.pop(question.key, None)
            raise
        question.node, question.link = node, link

    async def _take(self, node: Node | None, deadline: float) -> Link:
        if self._pid != os.getpid():
            self._start_afresh()
        stack = self._idle.get(node)
        while stack:
            try:
                since, link = stack.pop()
            except IndexError:  # another thread was faster
                continue
            if time.monotonic() - since < MAX_IDLE_SECONDS and await link.is_usable():
                break
            await link.close()
        else:
            link = await self._connector.connect(node, within_seconds=deadline - time.monotonic())
        if time.monotonic() >= deadline:
            await self._give_back(node, link)
            raise Unavailable("Redis cannot be reached in time")
        return link

    async def _give_back(self, node: Node | None, link: Link) -> None:
        if self._pid != os.getpid():
            return
        stack = self._idle.get(node)
        if stack is None:
            stack = self._idle.setdefault(node, deque())
        if len(stack) < MAX_IDLE_CONNECTIONS:
            stack.append((time.monotonic(), link))
        else:
            await link.close()


async def _write(link: Link, pieces: list[bytes], *, writes: bool) -> None:
    try:
        await link.send(pieces)
    except BaseException as error:
        raise await _given_up(link, error, writes=writes) from None


async def _read(link: Link, *, writes: bool) -> Any:
    try:
        return await link.read()
    except (AuthenticationError, BusyLoadingError) as error:
        await link.close()
        raise Unavailable(f"Redis refuses for now: {type(error).__name__}") from None
    except ResponseError:
        raise
    except BaseException as error:
        raise await _given_up(link, error, writes=writes) from None


def _too_few(replicas: int, wanted: int) -> str:
    return f"stored, but {replicas} of {wanted} replicas have it"


async def _answer(link: Link, question: Question) -> tuple[Any, int]:
    """Returns a command's answer, and how many replicas have what it wrote where that was asked, too."""
    try:
        found = await _read(link, writes=question.writes)
    except ResponseError:
        if question.replicas:  # its answer must not be taken for the next command's
            with suppress(ResponseError):
                await _read(link, writes=question.writes)
        raise
    if not question.replicas:
        return found, 0
    try:
        return found, int(await _read(link, writes=question.writes))
    except ResponseError:  # a server that does not know the command: nobody says that a replica has it
        return found, 0


async def _given_up(link: Link, error: BaseException, *, writes: bool) -> BaseException:
    """Closes a link whose next answer may be that to an older question, and returns what to raise."""
    await link.close()
    if not isinstance(error, RedisError):
        return error  # interrupted
    return Unavailable(
        f"Redis does not answer ({type(error).__name__})" + ("; what was sent may have been stored" if writes else ""),
        maybe_stored=writes,
    )
