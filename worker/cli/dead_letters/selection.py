"""Which dead letters a command means: by ref, or by filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from redis import Redis

from worker.cli import context
from worker.cli.output import printable
from worker.dead_letters import DeadLetter, Filter, Queries
from worker.keys import Keys
from worker.reasons import REASONS

_C = TypeVar("_C", bound=Callable[..., Any])
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


everything = click.option("--all", "everything", is_flag=True, help="All of them.")


def filters(command: _C) -> _C:
    """Add the options that say which dead letters are meant."""
    for option in (
        click.option("--before", type=click.DateTime(_TIMES), help="Dead before this time (UTC unless it says)."),
        click.option("--after", type=click.DateTime(_TIMES), help="Dead at or after this time (UTC unless it says)."),
        click.option("--event", help="TikTok event name."),
        click.option("--code", type=int, help="TikTok's return code."),
        click.option("--reason", type=click.Choice(sorted(REASONS)), help="Why it died."),
        click.option("--destination", "-d", help="Of this destination; default: all."),
    ):
        command = option(command)
    return command


def sentence(what: str, count: int, by_reason: Mapping[str, int]) -> str:
    """Return a plan in one sentence."""
    reasons = ", ".join(f"{reason} {number}" for reason, number in by_reason.items())
    return f"{count} {what}" + (f" ({reasons})" if reasons else "")


def wanted(options: dict[str, Any]) -> Filter:
    """Return the filter that the options of :func:`filters` describe."""
    return Filter(
        reason=options["reason"],
        code=options["code"],
        event=options["event"],
        after=_seconds(options["after"]),
        before=_seconds(options["before"]),
    )


def _seconds(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def find(redis: Redis, ref: str, destination: str | None) -> tuple[Keys, DeadLetter]:
    """Return one dead letter with its event, or end the command."""
    for keys in context.keys_of(destination):
        letter = Queries(redis, keys).get(ref)
        if letter is not None:
            return keys, letter
    raise click.ClickException(
        f"there is no dead letter {printable(ref)}: it was replayed, discarded, or never was one"
    )


def select(
    redis: Redis, refs: tuple[str, ...], options: dict[str, Any], *, everything: bool
) -> Iterator[tuple[Keys, DeadLetter]]:
    """Yield the dead letters that a command is to change.

    Naming none means none: a filter, or `--all`, has to say so.
    """
    if refs:
        for ref in refs:
            yield find(redis, ref, options["destination"])
        return
    filter_ = wanted(options)
    if not everything and not filter_.describe():
        raise click.ClickException("say which: REFs, a filter such as --reason, or --all")
    for keys in context.keys_of(options["destination"]):
        for letter in Queries(redis, keys).scan(filter_, oldest_first=True):
            yield keys, letter
