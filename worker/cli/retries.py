"""`retries`: what is scheduled to be tried again, when, and why it failed."""

from __future__ import annotations

import time
from typing import Any

import click

from worker.cli import context
from worker.cli.output import print_json, print_table, when
from worker.envelope import unpacked


@click.command()
@click.option("--destination", "-d", help="Of this destination; default: all.")
@context.limit
@context.as_json
@context.redis_errors
def retries(*, destination: str | None, limit: int, as_json: bool) -> None:
    """List scheduled retries, the next first: attempts, last error, time of the next attempt."""
    redis = context.redis()
    found: list[dict[str, Any]] = []
    for keys in context.keys_of(destination):
        head: Any = redis.zrange(keys.due, 0, limit - 1, withscores=True)
        packed: Any = redis.hmget(keys.scheduled, [ref for ref, _ in head]) if head else []
        for (_, due), one in zip(head, packed, strict=True):
            if one is not None:
                found.append(_told(keys.destination, one, due / 1000))
    found = sorted(found, key=lambda each: str(each["next_at"]))[:limit]
    if as_json:
        print_json(found)
        return
    columns = ("ref", "destination", "attempts", "next_at", "outcome", "code", "message")
    print_table(columns, [[each[column] if each[column] is not None else "" for column in columns] for each in found])


def _told(destination: str, packed: bytes, due: float) -> dict[str, Any]:
    envelope = unpacked(packed)
    last = envelope.history[-1] if envelope.history else None
    return {
        "ref": envelope.ref,
        "id": envelope.id,
        "destination": destination,
        "attempts": envelope.attempts,
        "next_at": when(max(due, time.time())),
        "outcome": last.outcome if last else None,
        "code": last.code if last else None,
        "message": last.message if last else None,
    }
