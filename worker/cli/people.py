"""`forget` and `export-person`: what a person may ask for."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from redis import Redis

from tiktok_events.keys import REGISTRY
from worker import people
from worker.cli import context
from worker.cli.output import print_json, print_table, when
from worker.config import Config
from worker.keys import UNKNOWN, Keys
from worker.people import Erased, Found, NobodyError, PeopleIndex, Person, index_of
from worker.people.hashes import parsed
from worker.people.person import Sought
from worker.people.request import PersonsRequest

_C = TypeVar("_C", bound=Callable[..., Any])
_ASK = "\0ask"
_KINDS = {"email": "E-mail address", "phone": "Phone number", "external_id": "External id"}
_SILENCE_SECONDS = 60.0
_IN_FLIGHT = 75  # EX_TEMPFAIL of sysexits.h


def _whose(command: _C) -> _C:
    """Add the options that say who is meant, and where to look."""
    for option in (
        click.option("--quick", is_flag=True, help="Find retries and dead letters by the index only."),
        click.option("--destination", "-d", help="For this destination; default: all."),
        *(
            click.option(
                f"--{kind.replace('_', '-')}", is_flag=False, flag_value=_ASK, metavar="[-|TEXT]", help=f"{name}."
            )
            for kind, name in reversed(_KINDS.items())
        ),
    ):
        command = option(command)
    return command


@click.command()
@_whose
@click.option("--wait", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds for events in flight.")
@context.dry_run
@context.yes
@context.as_json
@context.redis_errors
def forget(
    *, quick: bool, destination: str | None, wait: float, dry_run: bool, yes: bool, as_json: bool, **given: Any
) -> None:
    """Remove every event of a person: waiting, to be retried or replayed, dead letters and their edits.

    Give the address, number or id on standard input (`--email -`) or when asked (`--email` alone): on the command line
    it stays in the shell's history and shows in the list of processes. Hashes are taken, too.
    """
    person = _person(given)
    here = _Here(context.redis(), context.config())
    whose = here.resolved(person)
    found = here.counts(whose, destination, quick=quick)
    if dry_run:
        _print(found, "would be removed", as_json=as_json)
        return
    context.confirm(f"{sum(found.values())} events will be removed for good. Go on?", yes=yes)
    request = PersonsRequest(here.redis, "forget", person)
    rows, in_flight = Counter[tuple[str, str]](), 0
    for name in here.names(destination):
        erased = here.forget(whose, name, quick=quick, wait_seconds=wait)
        rows.update({(name, place): count for place, count in erased.places.items()})
        in_flight += erased.in_flight
        request.note_found(name, erased.places, erased.in_flight)
    request.note_all(rows, in_flight, destinations=len(here.names(destination)))
    _print(rows, "removed", as_json=as_json, request=request.id, in_flight=in_flight)
    if in_flight:
        click.echo(f"{in_flight} are with a worker and could not be reached: run it again in a minute", err=True)
        sys.exit(_IN_FLIGHT)


@click.command("export-person")
@_whose
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File for it, readable by you only.")
@context.dry_run
@context.yes
@context.redis_errors
def export_person(
    *, quick: bool, destination: str | None, output: Path | None, dry_run: bool, yes: bool, **given: Any
) -> None:
    """Print, as JSON, what is stored about a person, for their request of access. It is in clear, and audited.

    Give the address, number or id as to `forget`.
    """
    person = _person(given)
    here = _Here(context.redis(), context.config())
    whose = here.resolved(person)
    if dry_run:
        _print(here.counts(whose, destination, quick=quick), "would be exported", as_json=False)
        return
    context.confirm("This shows personal data in clear, and is audited. Go on?", yes=yes)
    request = PersonsRequest(here.redis, "export-person", person)
    events = []
    rows = Counter[tuple[str, str]]()
    for name in here.names(destination):
        own = list(here.events(whose, name, quick=quick))
        places = Counter(str(event["place"]) for event in own)
        rows.update({(name, place): count for place, count in places.items()})
        request.note_found(name, places, 0)
        events += own
    request.note_all(rows, 0, destinations=len(here.names(destination)))
    told = {"request": request.id, "events": events}
    if output is None:
        print_json(told)
        return
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    click.echo(f"{len(events)} events exported; request {request.id}")


def _person(given: Mapping[str, str | None]) -> Person:
    """Return who is meant; what is not given yet is read from standard input, or asked for without showing it."""
    read = {kind: _read(kind, text) for kind, text in given.items() if text is not None}
    if not read:
        raise click.UsageError("say who: --email -, --phone - or --external-id -")
    return Person(**read)


def _read(kind: str, given: str) -> str:
    option = f"--{kind.replace('_', '-')}"
    if given == "-":
        line = sys.stdin.readline().strip()
        if not line:
            raise click.ClickException(f"{option}: there is nothing on standard input")
        return line
    if given == _ASK:
        if not sys.stdin.isatty():
            raise click.ClickException(f"{option}: nobody to ask here; write it to standard input, with {option} -")
        return str(click.prompt(_KINDS[kind], hide_input=True, err=True))
    click.echo(f"{option}: it is in your shell's history now; next time write {option} -, or {option} alone", err=True)
    return given


def _print(
    rows: Counter[tuple[str, str]], what: str, *, as_json: bool, request: str | None = None, in_flight: int = 0
) -> None:
    told = [(name, place, count) for (name, place), count in sorted(rows.items())]
    if as_json:
        print_json([dict(zip(("destination", "place", "events"), row, strict=True)) for row in told])
        return
    if told:
        print_table(("destination", "place", "events"), told)
    named = f"; request {request}" if request else ""
    click.echo(f"{sum(rows.values())} {what}{f', {in_flight} in flight' if in_flight else ''}{named}")


@dataclass
class _Here:
    """The destinations there are, with what it takes to find a person in each."""

    redis: Redis
    config: Config

    def resolved(self, person: Person) -> Person:
        regions = {settings.mapping.region for settings in self.config.destinations.values()}
        try:
            return person.resolved(regions)
        except NobodyError as error:
            raise click.ClickException(str(error)) from None

    @cached_property
    def _known(self) -> list[str]:
        # A destination that is no longer configured may still hold events.
        registered: Any = self.redis.hkeys(REGISTRY)
        others = sorted({name.decode() for name in registered} - set(self.config.destinations))
        # What is moved out of `_unknown` meanwhile comes to a destination that is looked at later.
        return [UNKNOWN, *self.config.destinations, *others]

    def names(self, wanted: str | None) -> list[str]:
        if wanted is not None and wanted not in self._known:
            raise click.ClickException(f"there is no such destination; there are: {', '.join(sorted(self._known))}")
        return self._known if wanted is None else [wanted]

    def counts(self, person: Person, wanted: str | None, *, quick: bool) -> Counter[tuple[str, str]]:
        counted: Counter[tuple[str, str]] = Counter()
        for name in self.names(wanted):
            for found in self._search(person, name, quick=quick):
                counted[name, found.stored.place] += 1 if found.stored.letter else len(found.numbers)
        return counted

    def forget(self, person: Person, name: str, *, quick: bool, wait_seconds: float) -> Erased:
        keys, sought, index = self._of(person, name)
        settings = self.config.destinations.get(name)
        silence = settings.take_back_after_seconds if settings else _SILENCE_SECONDS
        return people.forget(
            *(self.redis, keys, sought, index), silence_seconds=silence, wait_seconds=wait_seconds, quick=quick
        )

    def events(self, person: Person, name: str, *, quick: bool) -> Iterator[dict[str, Any]]:
        for found in self._search(person, name, quick=quick):
            stored = found.stored
            for number in found.numbers:
                envelope = stored.envelopes[number]
                event = parsed(envelope.payload)
                yield {
                    "destination": name,
                    "place": stored.place,
                    "ref": envelope.ref,
                    "id": envelope.id,
                    "edited": stored.letter is not None and number > 0,
                    "enqueued_at": when(envelope.enqueued_at / 1000),
                    "attempts": envelope.attempts,
                    "reason": stored.letter.reason if stored.letter else None,
                    "event": envelope.payload.decode("utf-8", "replace") if event is None else event,
                }

    def _search(self, person: Person, name: str, *, quick: bool) -> Iterator[Found]:
        """Yield what is found, each once: an event that moves meanwhile is found twice."""
        keys, sought, index = self._of(person, name)
        seen: set[str] = set()
        for found in people.search(self.redis, keys, sought, index, quick=quick):
            refs = {found.stored.envelopes[number].ref for number in found.numbers}
            if not refs <= seen:
                yield found
            seen |= refs

    def _of(self, person: Person, name: str) -> tuple[Keys, Sought, PeopleIndex]:
        settings = self.config.destinations.get(name)
        index = index_of(self.redis, name, settings)
        return index.keys, person.sought(index.places, index.region), index
