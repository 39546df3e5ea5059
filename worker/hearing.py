"""How is it noticed at once that a stream got an entry? By a read that waits; on a cluster, by asking again and again.

A read that waits may be about one slot of a cluster, so about one destination. Several destinations are asked after
there: every 5 ms at first, every 50 in silence, more rarely the more there are. That is how late a cluster's
destinations are heard of, instead of at once.

A script can be sent along with the read that waits. The server keeps it until the read has ended, and answers both
together: who hears of an event has it in the same round trip.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from worker.cluster import Cluster, Command, ask_many
from worker.scripts import Call, as_command

_FIRST_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.05
_PAUSE_SECONDS_A_SLOT = 0.0002
"""A thousand destinations cost their servers five thousand reads a second together: a twentieth of what one can do."""


def listen_and_ask(
    redis: Redis, seen: Mapping[str, str], call: Call | None, *, seconds: float
) -> tuple[list[str], Any | None]:
    """Wait, at most so long, until a stream has an entry after the one that was seen, then run the script, if any.

    Returns:
        the streams that have one, and the script's answer.

    The answer is None where the script did not run: on a cluster, and where the server refuses it or does not know it
    yet. Who is told so runs it again by itself, and meets the refusal there.
    """
    if isinstance(redis, Cluster):
        by_slot: dict[int, dict[str, str]] = {}
        for key, entry_id in seen.items():
            by_slot.setdefault(redis.keyslot(key), {})[key] = entry_id
        if len(by_slot) > 1:
            return _ask_again(redis, [_read(streams) for streams in by_slot.values()], seconds), None
        call = None
    waiting = _read(seen, block_ms=max(1, int(seconds * 1000)))
    read, *others = ask_many(redis, [waiting, *([as_command(call)] if call else [])])
    if isinstance(read, ResponseError):
        raise read
    answer = next((each for each in others if not isinstance(each, ResponseError)), None)
    return _written(read), answer


def newest(redis: Redis, keys: Iterable[str]) -> dict[str, str]:
    """Return the id of the newest entry of each stream that has one. An emptied stream keeps its ids."""
    commands = [Command(key, ("XREVRANGE", key, "+", "-", "COUNT", 1)) for key in keys]
    found = {}
    for command, answer in zip(commands, ask_many(redis, commands), strict=True):
        if answer and not isinstance(answer, ResponseError):
            found[command.key] = answer[0][0].decode()
    return found


def _ask_again(redis: Cluster, reads: list[Command], seconds: float) -> list[str]:
    end = time.monotonic() + seconds
    pause, longest = _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS + _PAUSE_SECONDS_A_SLOT * len(reads)
    while True:
        # What a server that is away would say is heard when it is back; the others are not made to wait.
        answers = ask_many(redis, reads)  # type: ignore[arg-type] # it has Redis's commands, and is none to mypy
        if written := [key for each in answers if not isinstance(each, ResponseError) for key in _written(each)]:
            return written
        left = end - time.monotonic()
        if left <= 0:
            return []
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, longest)


def _read(streams: Mapping[str, str], *, block_ms: int | None = None) -> Command:
    block = () if block_ms is None else ("BLOCK", block_ms)
    words: Sequence[str | int] = ("XREAD", "COUNT", 1, *block, "STREAMS", *streams, *streams.values())
    return Command(next(iter(streams)), words)


def _written(answer: Any) -> list[str]:
    return [key.decode() for key, _ in answer or ()]
