"""Which Lua scripts there are, and how they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis
from redis.cluster import RedisCluster
from redis.commands.core import Script
from redis.exceptions import NoScriptError, ResponseError

_FOLDER = Path(__file__).parent / "lua"


class Call(NamedTuple):
    """One call of `lua/<name>.lua`; its KEYS, ARGV and answer are listed on top of that file."""

    name: str
    keys: Sequence[str]
    args: Sequence[str | bytes | float]


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")


@cache
def _digest(name: str) -> str:
    return hashlib.sha1(_text(name).encode(), usedforsecurity=False).hexdigest()


def run(client: Redis, name: str, keys: Sequence[str], args: Sequence[str | bytes | float]) -> Any:
    """Run one script and return its answer."""
    # Making a Script sends nothing; it loads the text once the server says that it does not know the digest.
    return Script(client, _text(name))(keys=list(keys), args=list(args))


def run_many(client: Redis, calls: Sequence[Call]) -> list[Any]:
    """Run independent scripts in one round trip and return their answers in order.

    What one is refused is its answer, a `ResponseError`, and keeps none of the others from theirs. A cluster has no
    pipeline for scripts of many slots: there they go one by one.
    """
    if isinstance(client, RedisCluster):
        return [_answer(client, call) for call in calls]
    answers = _sent(client, calls)
    unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if unknown:
        # A server that was started anew knows none: they are told once, and all is asked again at once.
        for name in {calls[place].name for place in unknown}:
            client.script_load(_text(name))
        for place, answer in zip(unknown, _sent(client, [calls[place] for place in unknown]), strict=True):
            answers[place] = answer
    return answers


def _sent(client: Redis, calls: Sequence[Call]) -> list[Any]:
    pipe = client.pipeline(transaction=False)
    for call in calls:
        pipe.evalsha(_digest(call.name), len(call.keys), *call.keys, *call.args)
    answers = pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, ResponseError):
            raise answer
    return answers


def _answer(client: Redis, call: Call) -> Any:
    try:
        return run(client, *call)
    except ResponseError as refusal:
        return refusal
