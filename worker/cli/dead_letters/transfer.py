"""`dead-letters export` and `import`: take dead letters elsewhere and bring them back, as JSON Lines."""

from __future__ import annotations

import base64
import dataclasses
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import click
import orjson

from worker import audit
from worker.cli import context
from worker.cli.dead_letters.look import told
from worker.cli.dead_letters.selection import filters, wanted
from worker.cli.output import spelled
from worker.dead_letters import Changes, DeadLetter, Queries
from worker.dead_letters.letter import read
from worker.keys import Keys
from worker.masking import masked
from worker.people import index_of
from worker.vault import vault_of

_FORMAT = 1


@click.command()
@filters
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Default: standard output.")
@click.option(
    "--reveal",
    is_flag=True,
    help="With the events as they came, which `import` needs; sealed, where there are keys. This is audited.",
)
@click.option("--clear", is_flag=True, help="The same, in clear in any case. This is audited, too.")
@context.yes
@context.redis_errors
def export(*, output: Path | None, reveal: bool, clear: bool, yes: bool, **options: Any) -> None:
    """Write dead letters as JSON Lines, oldest first. Without --reveal or --clear, identifiers are masked."""
    if clear:
        context.confirm("The file will hold people's identifiers in clear. Go on?", yes=yes)
    redis = context.redis()
    total = 0
    with _private(output) as target:
        for keys in context.keys_of(options["destination"]):
            queries, count = Queries(redis, keys), 0
            for found in queries.scan(wanted(options), oldest_first=True):
                letter = queries.get(found.ref)
                if letter is not None:
                    line = orjson.dumps(_line(letter, reveal=reveal, clear=clear))
                    target.write(spelled(line).encode() + b"\n")
                    count += 1
            if (reveal or clear) and count:
                details = {**wanted(options).describe(), "count": count, "clear": clear}
                audit.record(redis, "export", destination=keys.destination, details=details)
            total += count
    click.echo(f"{total} exported", err=True)


def _private(output: Path | None) -> AbstractContextManager[BinaryIO]:
    """Open where the lines go. A file may hold identifiers, so it is the owner's alone."""
    if output is None:
        return nullcontext(sys.stdout.buffer)
    return os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _line(letter: DeadLetter, *, reveal: bool, clear: bool) -> dict[str, Any]:
    line: dict[str, Any] = {**told(letter), "format": _FORMAT}
    if reveal or clear:
        kept = vault_of(letter.destination).kept(letter.envelope)
        payload = kept.payload if clear else kept.stored
        line |= {"meta": orjson.loads(letter.meta()), "payload_base64": base64.b64encode(payload).decode()}
    else:
        try:
            line["payload"] = masked(orjson.loads(letter.envelope.payload))
        except orjson.JSONDecodeError:
            line["payload"] = None
    return line


@click.command("import")
@click.argument("file", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@context.dry_run
@context.redis_errors
def import_(file: Path, *, dry_run: bool) -> None:
    """Bring back what `export --reveal` or `--clear` wrote. One that is there already is left as it is."""
    redis = context.redis()
    known = set(context.destinations(None))
    added = there = locked = 0
    with click.open_file(str(file), "rb") as lines:
        for number, letter in _letters(lines):
            if letter.destination not in known:
                raise click.ClickException(f"line {number}: the configuration has no such destination")
            keys = Keys(letter.destination)
            if Queries(redis, keys).original(letter.ref) is not None:
                there += 1
                continue
            added += 1
            envelope = vault_of(letter.destination).opened(letter.envelope)
            locked += envelope.locked is not None
            if not dry_run:
                Changes(redis, keys).add(dataclasses.replace(letter, envelope=envelope, dead_at=time.time()))
                settings = context.config().destinations.get(letter.destination)
                index_of(redis, letter.destination, settings).note([envelope])
    if added and not dry_run:
        audit.record(redis, "import", destination="", details={"count": added})
    if locked:
        click.echo(f"{locked} of them do not open with the keys that are here", err=True)
    click.echo(f"{added} {'would be imported' if dry_run else 'imported'}, {there} there already")


def _letters(lines: Any) -> Iterator[tuple[int, DeadLetter]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told_line = orjson.loads(line)
            payload = base64.b64decode(told_line["payload_base64"], validate=True)
            yield number, read(orjson.dumps(told_line["meta"]), payload)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise click.ClickException(f"line {number}: is not a line that `export --reveal` wrote") from None
