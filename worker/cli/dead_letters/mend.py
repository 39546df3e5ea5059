"""`dead-letters edit`, `discard` and `purge`."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from worker import audit
from worker.cli import context
from worker.cli.dead_letters.selection import everything, filters, find, select, sentence
from worker.dead_letters import Changes, Filter, Queries
from worker.people import index_of
from worker.preparation import check


@click.command()
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
    if letter.envelope.locked is not None:
        raise click.ClickException(f"its event {letter.envelope.locked}")
    if file is None:
        # An editor shows the whole event, saved or not; before it does, since it may be any program.
        audit.record(redis, "reveal", destination=keys.destination, details={"ref": ref, "for": "editing"})
    payload = _mended(letter.envelope.payload, file)
    refusal = check(payload, letter.envelope, settings, settings.mapper(), now=time.time())
    if refusal is not None:
        rules = "\n".join(f"  {fault.path}: {fault.rule}" for fault in refusal.faults) or f"  {refusal.message}"
        raise click.ClickException(f"not taken, it would be a dead letter again ({refusal.reason}):\n{rules}")
    Changes(redis, keys).edit(ref, payload)
    index_of(redis, keys.destination, settings).note([replace(letter.envelope, payload=payload)])
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


@click.command()
@click.argument("refs", nargs=-1, metavar="[REF]...")
@filters
@everything
@context.dry_run
@context.yes
@context.redis_errors
def discard(refs: tuple[str, ...], *, everything: bool, dry_run: bool, yes: bool, **options: Any) -> None:
    """Remove dead letters for good: the REFs, those that match the filter, or --all."""
    redis = context.redis()
    chosen = list(select(redis, refs, options, everything=everything))
    reasons = Counter(letter.reason for _, letter in chosen)
    if dry_run:
        click.echo(sentence("would be discarded", len(chosen), reasons))
        return
    context.confirm(sentence("will be discarded for good", len(chosen), reasons) + ". Go on?", yes=yes)
    gone = 0
    for destination in {keys.destination for keys, _ in chosen}:
        own = [(keys, letter) for keys, letter in chosen if keys.destination == destination]
        gone += Changes(redis, own[0][0]).discard(letter for _, letter in own)
        audit.record(redis, "discard", destination=destination, details={"count": len(own)})
    click.echo(f"{gone} discarded")


@click.command()
@click.option("--destination", "-d", help="Of this destination; default: all.")
@click.option("--older-than", "days", type=click.FloatRange(0, min_open=True), required=True, metavar="DAYS")
@context.dry_run
@context.yes
@context.redis_errors
def purge(*, destination: str | None, days: float, dry_run: bool, yes: bool) -> None:
    """Remove dead letters that are older than DAYS for good. The retention of the configuration does so by itself."""
    redis = context.redis()
    old = Filter(before=time.time() - timedelta(days=days).total_seconds())
    chosen = {keys: list(Queries(redis, keys).scan(old)) for keys in context.keys_of(destination)}
    count = sum(map(len, chosen.values()))
    if dry_run:
        click.echo(f"{count} would be purged")
        return
    context.confirm(f"{count} will be purged for good. Go on?", yes=yes)
    for keys, letters in chosen.items():
        if letters:
            Changes(redis, keys).discard(letters, counter="purged")
            audit.record(redis, "purge", destination=keys.destination, details={"count": len(letters), "days": days})
    click.echo(f"{count} purged")
