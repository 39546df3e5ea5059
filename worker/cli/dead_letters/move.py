"""`dead-letters move`: give events that named no destination of ours to one that exists."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import click

from worker import audit
from worker.cli import context
from worker.cli.dead_letters.selection import everything, find
from worker.cli.output import print_json
from worker.config import Destination
from worker.dead_letters import DeadLetter, Filter, Queries
from worker.keys import UNKNOWN, Keys
from worker.moving import MOVED
from worker.moving import move as moved
from worker.preparation import check

_AT_ONCE = 500


@click.command()
@click.argument("refs", nargs=-1, metavar="[REF]...")
@click.option("--to", required=True, metavar="DESTINATION", help="Where they belong.")
@click.option("--text", help="Those with this in message, id or ref: the name that was asked for, say.")
@everything
@context.dry_run
@context.yes
@context.as_json
@context.redis_errors
def move(
    refs: tuple[str, ...], *, to: str, text: str | None, everything: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Give dead letters of `_unknown` to a destination: the REFs, those with a TEXT, or --all. Replay sends them.

    They become dead letters there, with their age, and can be looked at, edited and replayed like any other.
    """
    target = context.destination(to)
    redis = context.redis()
    if refs:
        chosen = [find(redis, ref, UNKNOWN)[1] for ref in refs]
    elif everything or text:
        chosen = list(Queries(redis, Keys(UNKNOWN)).scan(Filter(text=text), oldest_first=True))
    else:
        raise click.ClickException("say which: REFs, --text, or --all")
    queries = Queries(redis, Keys(UNKNOWN))
    told: Counter[str] = Counter()
    if dry_run:
        for part in _parts(queries, chosen):
            told.update(_prospects(part, target))
        there = ", ".join(f"{what} {count}" for what, count in told.most_common())
        after = f"; a replay would find them {there}" if there else ""
        print_json(dict(told)) if as_json else click.echo(f"{len(chosen)} would be moved to {to}{after}")
        return
    context.confirm(f"{len(chosen)} will be moved to {to}. Go on?", yes=yes)
    for part in _parts(queries, chosen):
        became = moved(redis, part, target)
        told.update(became)
        audit.record(redis, "move", destination=UNKNOWN, details={"to": to, "count": became[MOVED]})
    if as_json:
        print_json(dict(told))
        return
    click.echo(", ".join(f"{count} {what}" for what, count in told.items()) or "nothing to move")
    if told[MOVED]:
        click.echo(f"`dead-letters replay --destination {to} --reason unknown_destination` sends them")


def _parts(queries: Queries, chosen: Sequence[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Yield them with their events, some at a time: a whole backlog of events fits into no memory."""
    left = iter(chosen)
    while part := [letter.ref for letter in islice(left, _AT_ONCE)]:
        yield [letter for letter in queries.get_many(part) if letter is not None]


def _prospects(letters: Sequence[DeadLetter], target: Destination) -> Iterator[str]:
    mapper, now = target.mapper(), time.time()
    for letter in letters:
        refusal = check(letter.envelope.payload, letter.envelope, target, mapper, now=now)
        yield "ready" if refusal is None else refusal.reason
