"""`dead-letters list` and `show`."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import Any

import click
import orjson

from worker import audit
from worker.cli import context
from worker.cli.dead_letters.selection import filters, find, wanted
from worker.cli.output import print_json, print_table, printable, when
from worker.dead_letters import DeadLetter, Queries
from worker.envelope import Envelope
from worker.masking import masked
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
    found: list[DeadLetter] = []
    for keys in context.keys_of(options["destination"]):
        scan = Queries(redis, keys).scan(wanted(options), start_after=start_after)
        found += islice(scan, limit - len(found))
    if as_json:
        print_json([told(letter) for letter in found])
        return
    rows = [
        (
            letter.ref,
            letter.destination,
            letter.reason,
            letter.code or "",
            letter.event or "",
            letter.envelope.attempts,
            when(letter.dead_at),
            "; ".join(f"{fault.path}: {fault.rule}" for fault in letter.faults[:3]) or letter.message,
        )
        for letter in found
    ]
    print_table(("ref", "destination", "reason", "code", "event", "tries", "dead at", "why"), rows)


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
        print_table(columns, [[attempt[column] or "" for column in columns] for attempt in whole["history"]])
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
