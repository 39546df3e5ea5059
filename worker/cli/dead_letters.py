"""`dead-letters`: see what failed and why, mend it, put it back."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import click
import orjson

from worker import audit
from worker.cli import context
from worker.cli.output import print_json, print_table, when
from worker.cli.selection import filters, find, select, wanted
from worker.dead_letters import Changes, DeadLetter, Queries, Replayed
from worker.masking import masked
from worker.preparation import check
from worker.reasons import REASONS

_all = click.option("--all", "everything", is_flag=True, help="All of them.")


@click.group("dead-letters")
def dead_letters() -> None:
    """See what failed and why, mend it, put it back."""


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


@dead_letters.command("list")
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


@dead_letters.command()
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
        "payload": _payload(letter.envelope.payload, reveal=reveal),
    }
    if as_json:
        print_json(whole)
        return
    for name, value in whole.items():
        if name not in ("fields", "history", "payload"):
            click.echo(f"{name:<12} {'' if value is None else value}")
    if letter.faults:
        print_table(("field", "rule"), [(fault.path, fault.rule) for fault in letter.faults])
    if letter.envelope.history:
        columns = ("at", "outcome", "code", "message", "request_id")
        print_table(columns, [[attempt[column] or "" for column in columns] for attempt in whole["history"]])
    print_json(whole["payload"])


def _payload(payload: bytes, *, reveal: bool) -> Any:
    try:
        event = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode("utf-8", "replace") if reveal else f"••• (not JSON, {len(payload)} bytes)"
    return event if reveal else masked(event)


@dead_letters.command()
@click.argument("refs", nargs=-1, metavar="[REF]...")
@filters
@_all
@click.option("--force", is_flag=True, help="Send even what the ledger knows as delivered.")
@context.dry_run
@context.yes
@context.as_json
@context.redis_errors
def replay(
    refs: tuple[str, ...],
    *,
    everything: bool,
    force: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Put dead letters back: the REFs, those that match the filter, or --all.

    Each goes back atomically and is never in both places or in none. Its attempts start anew.
    """
    redis = context.redis()
    chosen = [(keys, letter) for keys, letter in select(redis, refs, options, everything=everything)]
    plan = {"dead_letters": len(chosen), "by_reason": dict(Counter(letter.reason for _, letter in chosen))}
    if dry_run:
        print_json(plan) if as_json else click.echo(_sentence("would be replayed", plan))
        return
    if len(chosen) > 1:
        context.confirm(_sentence("will be replayed", plan) + ". Go on?", yes=yes)
    results = Counter(Changes(redis, keys).replay(letter.ref, forced=force).value for keys, letter in chosen)
    for destination in {keys.destination for keys, _ in chosen}:
        audit.record(redis, "replay", destination=destination, details={"counts": dict(results), "forced": force})
    if as_json:
        print_json({**plan, **{each.value: results[each.value] for each in Replayed}})
    else:
        click.echo(f"{results[Replayed.REPLAYED]} replayed, {results[Replayed.GONE]} gone meanwhile")


def _sentence(what: str, plan: dict[str, Any]) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in plan["by_reason"].items())
    return f"{plan['dead_letters']} {what}" + (f" ({reasons})" if reasons else "")


@dead_letters.command()
@click.argument("ref")
@click.option(
    "--file",
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
    help="The mended event, JSON; - reads it from standard input.",
)
@click.option("--destination", "-d")
@context.redis_errors
def edit(ref: str, *, file: Path | None, destination: str | None) -> None:
    """Mend the event of one dead letter, in $EDITOR or from a file; replay sends the mended one.

    The original is kept beside it. An event that would be refused again is not taken.
    """
    redis = context.redis()
    keys, letter = find(redis, ref, destination)
    settings = context.config().destinations.get(keys.destination)
    if settings is None:
        raise click.ClickException("its destination is not in the configuration: nothing to check the event against")
    payload = _mended(letter.envelope.payload, file)
    refusal = check(payload, letter.envelope, settings, settings.mapper(), now=time.time())
    if refusal is not None:
        rules = "\n".join(f"  {fault.path}: {fault.rule}" for fault in refusal.faults) or f"  {refusal.message}"
        raise click.ClickException(f"not taken, it would be a dead letter again ({refusal.reason}):\n{rules}")
    Changes(redis, keys).edit(ref, payload)
    audit.record(redis, "edit", destination=keys.destination, details={"ref": ref})
    click.echo(f"{ref}: mended; `dead-letters replay {ref}` sends it")


def _mended(payload: bytes, file: Path | None) -> bytes:
    if file is not None:
        with click.open_file(str(file), "rb") as source:
            return bytes(source.read()).strip()
    try:
        shown = orjson.dumps(orjson.loads(payload), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        shown = payload.decode("utf-8", "replace")
    text = click.edit(shown, extension=".json")
    if text is None:
        raise click.ClickException("nothing changed")
    try:
        return orjson.dumps(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"is not JSON at line {error.lineno}, column {error.colno}") from None


@dead_letters.command()
@click.argument("refs", nargs=-1, metavar="[REF]...")
@filters
@_all
@context.dry_run
@context.yes
@context.redis_errors
def discard(refs: tuple[str, ...], *, everything: bool, dry_run: bool, yes: bool, **options: Any) -> None:
    """Remove dead letters for good: the REFs, those that match the filter, or --all."""
    redis = context.redis()
    chosen = list(select(redis, refs, options, everything=everything))
    plan = {"dead_letters": len(chosen), "by_reason": dict(Counter(letter.reason for _, letter in chosen))}
    if dry_run:
        click.echo(_sentence("would be discarded", plan))
        return
    context.confirm(_sentence("will be discarded for good", plan) + ". Go on?", yes=yes)
    gone = 0
    for destination in {keys.destination for keys, _ in chosen}:
        own = [(keys, letter) for keys, letter in chosen if keys.destination == destination]
        gone += Changes(redis, own[0][0]).discard(letter for _, letter in own)
        audit.record(redis, "discard", destination=destination, details={"count": len(own)})
    click.echo(f"{gone} discarded")
