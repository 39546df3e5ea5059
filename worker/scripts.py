"""Which Lua scripts there are, and how they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from worker.cluster import Command, ask_many

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
    try:
        return client.evalsha(_digest(name), len(keys), *keys, *args)
    except NoScriptError:
        # A new server, or one that was restarted: a Script loads the text and runs it.
        return Script(client, _text(name))(keys=list(keys), args=list(args))


def run_many(client: Redis, calls: Sequence[Call]) -> list[Any]:
    """Run independent scripts in one round trip and return their answers in order.

    What one is refused is its answer, a `ResponseError`, and keeps none of the others from theirs. On a cluster it is
    one round trip for each server.
    """
    answers = _sent(client, calls)
    unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if unknown:
        # A server that was started anew knows none: they are told once, and all is asked again at once.
        for name in {calls[place].name for place in unknown}:
            client.script_load(_text(name))
        for place, answer in zip(unknown, _sent(client, [calls[place] for place in unknown]), strict=True):
            answers[place] = answer
    return answers


def as_command(call: Call) -> Command:
    """Return the command that a call is, for a server that knows the script."""
    return Command(call.keys[0], ("EVALSHA", _digest(call.name), len(call.keys), *call.keys, *call.args))


def _sent(client: Redis, calls: Sequence[Call]) -> list[Any]:
    return ask_many(client, [as_command(call) for call in calls])
