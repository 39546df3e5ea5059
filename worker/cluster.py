"""How is a Redis Cluster asked: once a server for many commands, and with the errors of any Redis that is away?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from redis import Redis
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import AskError, ClusterDownError, RedisClusterException, ResponseError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

_ELSEWHERE = (AskError, ClusterDownError, TryAgainError)
"""What a server answers that does not have the slot (any more, or yet). `MovedError` is one of the first kind."""


class Command(NamedTuple):
    """One command with the key that says which server of a cluster is asked."""

    key: str
    words: Sequence[str | bytes | float]


class ServerAway(ResponseError):  # noqa: N818 # an answer, like the refusals that it stands beside
    """What a command of many is answered when its server is away, and others are not."""


class Cluster(RedisCluster):
    """redis-py's client. What it raises of its own while a server is replaced is a `ConnectionError` here."""

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Run one command; see redis-py."""
        with _failing_plainly():
            return super().execute_command(*args, **kwargs)  # type: ignore[no-untyped-call] # redis-py

    def pipeline(self, transaction: bool | None = None, shard_hint: Any = None) -> Any:
        """Return a pipeline; see redis-py."""
        made: Any = super().pipeline(transaction, shard_hint)  # type: ignore[no-untyped-call] # redis-py
        made.execute = _plainly(made.execute)
        return made

    def masters(self) -> list[tuple[str, Redis]]:
        """Return host and port of each master, and a client for it alone."""
        return [(str(node.name), self.get_redis_connection(node)) for node in self.get_primaries()]  # type: ignore[no-untyped-call] # redis-py


@contextmanager
def _failing_plainly() -> Iterator[None]:
    try:
        yield
    except (RedisClusterException, ClusterDownError) as error:
        # The text may repeat a command, and with it an event.
        raise RedisConnectionError(f"the cluster has nobody for this slot now ({type(error).__name__})") from None


def _plainly(execute: Callable[..., Any]) -> Callable[..., Any]:
    def told(*args: Any, **kwargs: Any) -> Any:
        with _failing_plainly():
            return execute(*args, **kwargs)

    return told


def connected(hosts: Sequence[tuple[str, int]], options: dict[str, Any]) -> Cluster:
    """Return a client that finds its cluster through any of some hosts.

    Raises:
        redis.exceptions.ConnectionError: none of them answers.
    """
    with _failing_plainly():
        nodes = [ClusterNode(host, port) for host, port in hosts]  # type: ignore[no-untyped-call] # redis-py
        return Cluster(startup_nodes=nodes, **options)


def ask_many(client: Redis, commands: Sequence[Command]) -> list[Any]:
    """Send independent commands in one round trip, or one for each server of a cluster; return the answers in order.

    What one is refused is its answer, a `ResponseError`, and keeps none of the others from theirs.

    Raises:
        redis.exceptions.ConnectionError, TimeoutError: no server that was asked is there; what was sent may have run.
    """
    if not isinstance(client, Cluster):
        return _sent(client, commands)
    answers: list[Any] = [None] * len(commands)
    places = list(range(len(commands)))
    for is_last in (False, True):
        lost, failure = _ask_servers(client, commands, places, answers)
        if failure is None:
            return answers
        if is_last and len(lost) == len(commands):
            raise failure
        places = lost
        with _failing_plainly():
            client.nodes_manager.initialize()
    for place in places:
        answers[place] = ServerAway("the server of this key is away")
    return answers


def _ask_servers(
    client: Cluster, commands: Sequence[Command], places: Sequence[int], answers: list[Any]
) -> tuple[list[int], Exception | None]:
    """Fill in the answers to the commands at some places; return the places whose server is away, and how it is."""
    by_server: dict[ClusterNode, list[int]] = {}
    lost: list[int] = []
    failure: Exception | None = None
    for place in places:
        try:
            node = client.get_node_from_key(commands[place].key)  # type: ignore[no-untyped-call] # redis-py
        except RedisClusterException:
            node = None
        if node is None:
            lost.append(place)
            failure = RedisConnectionError("the cluster has nobody for a slot now")
        else:
            by_server.setdefault(node, []).append(place)
    for node, own in by_server.items():
        try:
            told = _sent(client.get_redis_connection(node), [commands[place] for place in own])
        except (RedisConnectionError, RedisTimeoutError) as error:
            lost += own
            failure = error
            continue
        for place, answer in zip(own, told, strict=True):
            answers[place] = answer
            if isinstance(answer, _ELSEWHERE):
                try:
                    answers[place] = client.execute_command(*commands[place].words)
                except ResponseError as refusal:
                    answers[place] = refusal
                except (RedisConnectionError, RedisTimeoutError) as error:
                    lost.append(place)
                    failure = error
    return lost, failure


def _sent(client: Redis, commands: Sequence[Command]) -> list[Any]:
    pipe: Any = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command.words)
    answers: list[Any] = pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, ResponseError):
            raise answer
    return answers
