"""`dead-letters list` and `show`."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from typing import Any

import click
import orjson
from redis import Redis

from worker import audit
from worker.cli import context
from worker.cli.dead_letters.selection import filters, find, wanted
from worker.cli.figures import span
from worker.cli.output import on_terminal, print_json, print_table, printable, when
from worker.dead_letters import DeadLetter, Queries
from worker.dead_letters import look as browse
from worker.envelope import Envelope
from worker.keys import Keys
from worker.masking import masked
from worker.paging import Place
from worker.reasons import REASONS


def told(letter: DeadLetter) -> dict[str, Any]:
    """Return what is known of a dead letter, without its event."""
    return {
        "ref": letter.ref,
        "id": letter.envelope.id,
        "destination": letter.destination,
        "reason": letter.reason,
        "code": letter.code,
        "message": letter.message,
        "event": letter.event,
        "fields": [asdict(fault) for fault in letter.faults],
        "attempts": letter.envelope.attempts,
        "replays": letter.envelope.replays,
        "enqueued_at": when(letter.envelope.enqueued_at / 1000),
        "dead_at": when(letter.dead_at),
        "request_id": letter.request_id,
    }


@click.command("list")
@filters
@click.option("--start-after", help="REF of the last one of the page before.")
@context.limit
@context.as_json
@context.redis_errors
def list_(*, limit: int, as_json: bool, start_after: str | None, **options: Any) -> None:
    """List dead letters, newest first."""
    redis = context.redis()
    names = context.destinations(options["destination"])
    start = None if start_after is None else _place(redis, start_after, names)
    found = browse(redis, wanted(options), names, start=start, size=limit, seconds=math.inf).letters
    if as_json:
        print_json([told(letter) for letter in found])
        return
    rows = [
        (
            letter.ref,
            letter.destination,
            letter.reason,
            "" if letter.code is None else str(letter.code),
            letter.event or "",
            letter.envelope.attempts,
            f"{span(time.time() - letter.dead_at)} ago" if on_terminal() else when(letter.dead_at),
            "; ".join(f"{fault.path}: {fault.rule}" for fault in letter.faults[:3]) or letter.message,
        )
        for letter in found
    ]
    columns = ("ref", "destination", "reason", "code", "event", "tries", "dead at", "why")
    print_table(columns, rows, below="why", empty="There are no such dead letters.")


def _place(redis: Redis, ref: str, names: list[str]) -> Place:
    for name in names:
        score: Any = redis.zscore(Keys(name).dead, ref)
        if score is not None:
            return Place(float(score), name, ref)
    raise click.ClickException(f"there is no dead letter {printable(ref)} to start after: it is gone; start anew")


@click.command()
@click.argument("ref")
@click.option("--destination", "-d")
@click.option("--reveal", is_flag=True, help="Show identifiers in clear. This is written to the audit log.")
@context.as_json
@context.redis_errors
def show(ref: str, *, destination: str | None, reveal: bool, as_json: bool) -> None:
    """Show one dead letter: reason, refused fields, attempts, and the event with identifiers masked."""
    redis = context.redis()
    keys, letter = find(redis, ref, destination)
    if reveal:
        audit.record(redis, "reveal", destination=keys.destination, details={"ref": ref})
    meaning, advice = REASONS[letter.reason]
    whole = {
        **told(letter),
        "meaning": meaning,
        "advice": advice,
        "history": [{**asdict(attempt), "at": when(attempt.at)} for attempt in letter.envelope.history],
        "edited": Queries(redis, keys).is_edited(ref),
        "payload": _payload(letter.envelope, reveal=reveal),
    }
    if as_json:
        print_json(whole)
        return
    for name, value in whole.items():
        if name not in ("fields", "history", "payload"):
            click.echo(f"{name:<12} {'' if value is None else printable(str(value))}")
    if letter.faults:
        print_table(("field", "rule"), [(fault.path, fault.rule) for fault in letter.faults])
    if letter.envelope.history:
        columns = ("at", "outcome", "code", "message", "request_id")
        history = [
            ["" if attempt[name] is None else str(attempt[name]) for name in columns] for attempt in whole["history"]
        ]
        print_table(columns, history, below="message")
    print_json(whole["payload"])


def _payload(envelope: Envelope, *, reveal: bool) -> Any:
    payload = envelope.payload
    if envelope.locked is not None:
        return f"••• ({len(payload)} bytes; {envelope.locked})"
    try:
        event = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode("utf-8", "replace") if reveal else f"••• (not JSON, {len(payload)} bytes)"
    return event if reveal else masked(event)
