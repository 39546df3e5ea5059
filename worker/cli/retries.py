"""`retries`: what is scheduled to be tried again, and what a person may do about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from worker import audit
from worker import retries as schedule
from worker.cli import context
from worker.cli.figures import span
from worker.cli.output import on_terminal, print_json, print_table, when
from worker.keys import Keys
from worker.retries import Retries, Scheduled


@click.group()
def retries() -> None:
    """See what is scheduled to be tried again; try it now, or give it up."""


@retries.command("list")
@click.option("--destination", "-d", help="Of this destination; default: all.")
@context.limit
@context.as_json
@context.redis_errors
def list_(*, destination: str | None, limit: int, as_json: bool) -> None:
    """List scheduled retries, the next first: attempts, last error, time of the next attempt."""
    found = schedule.page(context.redis(), context.destinations(destination), size=limit).events
    rows = [_told(each) for each in found]
    if as_json:
        print_json(rows)
        return
    columns = ("ref", "destination", "attempts", "next_at", "outcome", "code", "message")
    if on_terminal():
        for row, each in zip(rows, found, strict=True):
            row["next_at"] = f"in {span(max(0.0, each.due_at - time.time()))}"
    shown = [["" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    print_table(columns, shown, below="message", empty="Nothing is scheduled to be tried again.")


def _told(each: Scheduled) -> dict[str, Any]:
    envelope = each.envelope
    last = envelope.history[-1] if envelope.history else None
    return {
        "ref": envelope.ref,
        "id": envelope.id,
        "destination": each.destination,
        "attempts": envelope.attempts,
        "next_at": when(max(each.due_at, time.time())),
        "outcome": last.outcome if last else None,
        "code": last.code if last else None,
        "message": last.message if last else None,
    }


@retries.command()
@click.argument("refs", nargs=-1, metavar="[REF]...")
@click.option("--destination", "-d", help="Of this destination; default: all.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@context.dry_run
@context.yes
@context.redis_errors
def now(refs: tuple[str, ...], *, destination: str | None, everything: bool, dry_run: bool, yes: bool) -> None:
    """Try scheduled events as soon as a worker is free: the REFs, or --all. Uses no attempt by itself."""
    redis, names = context.redis(), context.destinations(destination)
    _say_which(refs, everything=everything)
    chosen = schedule.count(redis, names) if everything else _counted(_find(refs, names))
    total = sum(chosen.values())
    if dry_run:
        click.echo(f"{total} would be tried now")
        return
    if everything:
        context.confirm(f"{total} will be tried now. Go on?", yes=yes)
    moved = 0
    for name in chosen:
        own = Retries(redis, Keys(name))
        changed = own.all_now() if everything else own.now(refs)
        moved += changed
        audit.record(redis, "retry now", destination=name, details=_details(refs, changed, everything=everything))
    click.echo(f"{moved} will be tried now")


@retries.command()
@click.argument("refs", nargs=-1, metavar="REF...", required=True)
@click.option("--destination", "-d", help="Of this destination; default: all.")
@context.dry_run
@context.yes
@context.redis_errors
def bury(refs: tuple[str, ...], *, destination: str | None, dry_run: bool, yes: bool) -> None:
    """Give scheduled events up: each becomes a dead letter with its history. Replay brings it back."""
    redis, settings = context.redis(), context.config().destinations
    found = _find(refs, context.destinations(destination))
    if dry_run:
        click.echo(f"{len(found)} would become dead letters")
        return
    context.confirm(f"{len(found)} will become dead letters. Go on?", yes=yes)
    buried = 0
    for each in found:
        ref = each.envelope.ref
        if Retries(redis, Keys(each.destination)).bury(ref, settings=settings.get(each.destination), now=time.time()):
            audit.record(redis, "give up", destination=each.destination, details={"ref": ref})
            buried += 1
    click.echo(f"{buried} became dead letters, {len(found) - buried} are being tried and stay")


def _say_which(refs: Sequence[str], *, everything: bool) -> None:
    if not refs and not everything:
        raise click.ClickException("say which: REFs, or --all")


def _find(refs: Sequence[str], names: Sequence[str]) -> list[Scheduled]:
    """Return those that the refs name, or end the command."""
    redis = context.redis()
    found = []
    for ref in refs:
        own = [each for name in names if (each := Retries(redis, Keys(name)).get(ref)) is not None]
        if not own:
            raise click.ClickException(f"there is no scheduled event {ref}: it is being tried, was delivered, or died")
        found += own
    return found


def _counted(found: Sequence[Scheduled]) -> dict[str, int]:
    names = [each.destination for each in found]
    return {name: names.count(name) for name in names}


def _details(refs: Sequence[str], changed: int, *, everything: bool) -> dict[str, object]:
    return {"all": True, "count": changed} if everything else {"refs": list(refs), "count": changed}
