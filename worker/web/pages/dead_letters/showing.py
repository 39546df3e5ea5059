"""Dead letters, one of them: the event, what TikTok would get of it, what is at fault, what was tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from flask import render_template

from schemas import Fault
from worker.config import Destination
from worker.dead_letters import DeadLetter, Queries
from worker.errors import CODES
from worker.keys import UNKNOWN, Keys
from worker.layout import Layout, lay_out
from worker.masking import masked
from worker.mending import changed_places, difference
from worker.preparation import Prepared
from worker.preview import Stopped, outcome, requests
from worker.reasons import REASONS
from worker.web.pages.dead_letters.blueprint import blueprint, letter_of
from worker.web.security import requires
from worker.web.shell import record, shell

_MOST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would become of an event if it were sent now."""

    requests: tuple[tuple[str, Layout], ...]
    """address and body of each"""
    notes: tuple[Fault, ...]
    stopped: Stopped | None


@blueprint.get("/<destination>/<ref>")
@requires("read")
def show(destination: str, ref: str) -> str:
    """Show one, with what identifies a person struck out."""
    return _page(letter_of(destination, ref), clear=False)


@blueprint.post("/<destination>/<ref>/reveal")
@requires("reveal")
def reveal(destination: str, ref: str) -> str:
    """Show one in clear, which the audit remembers."""
    letter = letter_of(destination, ref)
    record("reveal", destination=destination, details={"ref": ref})
    return _page(letter, clear=True)


def _page(letter: DeadLetter, *, clear: bool) -> str:
    here = shell()
    queries = Queries(here.redis, Keys(letter.destination))
    edited = queries.is_edited(letter.ref)
    original = queries.original(letter.ref) if edited else None
    meaning, advice = REASONS[letter.reason]
    becomes = prospect(letter, clear=clear)
    again = becomes.stopped.faults if becomes and becomes.stopped else ()
    return render_template(
        "letters/show.html",
        letter=letter,
        meaning=meaning,
        advice=advice,
        code_meaning=CODES[letter.code][1] if letter.code in CODES else None,
        clear=clear,
        event=shown(letter.envelope.payload, tuple(dict.fromkeys((*letter.faults, *again))), clear=clear),
        text=_text(letter) if clear else None,
        comparison=None if original is None else compare(original, letter.envelope.payload, clear=clear),
        prospect=becomes,
        replayable=letter.destination != UNKNOWN,
        names=sorted(here.config.destinations),
        suggested=_suggested(letter, here.config.destinations),
    )


def _suggested(letter: DeadLetter, names: Iterable[str]) -> str | None:
    """Return the destination that the message supposes was meant."""
    return next((name for name in names if f"did you mean {name!r}" in letter.message), None)


def _text(letter: DeadLetter) -> str:
    if letter.envelope.locked is not None:
        return f"It {letter.envelope.locked}."
    return letter.envelope.payload[:_MOST_TEXT].decode("utf-8", "replace")


def shown(payload: bytes, faults: tuple[Fault, ...], *, clear: bool) -> Layout | None:
    """Return the event line by line, or None if it is not JSON."""
    try:
        event = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return lay_out(event if clear else masked(event), faults)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a mended event differs from its original: where, and the lines around it."""

    places: tuple[str, ...]
    lines: tuple[str, ...]


_MOST_DIFFERENT = 500


def compare(before: bytes, after: bytes, *, clear: bool) -> Comparison | None:
    """Return the difference, or None where one of the two is no JSON or nested too deep to be read."""
    try:
        old, new = orjson.loads(before), orjson.loads(after)
        places = changed_places(old, new)
        lines = difference(old, new) if clear else difference(masked(old), masked(new))
    except (orjson.JSONDecodeError, RecursionError):
        return None
    return Comparison(tuple(places[:_MOST_DIFFERENT]), tuple(lines[:_MOST_DIFFERENT]))


def prospect(letter: DeadLetter, *, clear: bool) -> Prospect | None:
    """Return what would become of the event now, or None if its destination is gone. Hashes are struck out, too."""
    here = shell()
    settings = here.config.destinations.get(letter.destination)
    if settings is None:
        return None
    found = outcome(letter.envelope, settings, settings.mapper(), now=here.now())
    if isinstance(found, Stopped):
        return Prospect((), (), found)
    return Prospect(bodies(found, settings, clear=clear), found.notes, None)


def bodies(ready: Prepared, settings: Destination, *, clear: bool) -> tuple[tuple[str, Layout], ...]:
    """Return address and body of each request that would carry the event."""
    return tuple(
        (each.path, lay_out(each.body if clear else masked(each.body))) for each in requests([ready], settings)
    )
