"""Which Lua scripts there are, and how one is called."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from redis import Redis
from redis.commands.core import Script

_FOLDER = Path(__file__).parent / "lua"


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")


def run(client: Redis, name: str, keys: Sequence[str], args: Sequence[str | bytes | float]) -> Any:
    """Run `lua/<name>.lua`; its KEYS, ARGV and answer are listed on top of that file."""
    # Making a Script sends nothing; it loads the text once the server says that it does not know the digest.
    return Script(client, _text(name))(keys=list(keys), args=list(args))
