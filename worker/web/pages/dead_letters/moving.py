"""Dead letters, moving: events that named no destination of ours are given to one, a bounded part at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from flask import flash, redirect, render_template, request, url_for

from worker.config import Destination
from worker.dead_letters import DeadLetter, Queries, Tally, look, tally
from worker.keys import UNKNOWN, Keys
from worker.moving import MOVED, move
from worker.web.pages.dead_letters.blueprint import blueprint, settings_of
from worker.web.pages.dead_letters.selection import Selection, selection
from worker.web.security import requires
from worker.web.shell import record, shell

_PART = 200
_PART_SECONDS = 1.0


@blueprint.get("/move")
@requires("operate")
def moving() -> str:
    """Ask where they belong."""
    return _question(selection(request.args), None)


@blueprint.post("/move")
@requires("operate")
def move_there() -> Any:
    """Move those that are meant; of very many a part, with the question whether to go on."""
    chosen, target = selection(request.form), settings_of(request.form.get("to", ""))
    told, finished = _moved(chosen, target)
    flash(", ".join(f"{count:,} {what}" for what, count in told.items()) or "Nothing is left to move.")
    if told[MOVED]:
        details = {"to": target.name, "count": told[MOVED]}
        record("move", destination=UNKNOWN, details=details | ({"refs": _refs(chosen)} if chosen.ticked else {}))
    if not finished:
        return _question(chosen, target.name)
    if told[MOVED] == 1 and chosen.ticked:
        (ref,) = _refs(chosen)[:1]
        return redirect(url_for("dead_letters.show", destination=target.name, ref=ref), 303)
    if not told[MOVED]:
        return redirect(url_for("dead_letters.index", destination=UNKNOWN), 303)
    return redirect(url_for("dead_letters.index", destination=target.name, reason="unknown_destination"), 303)


def _question(chosen: Selection, to: str | None) -> str:
    count = Tally(len(_refs(chosen)), True) if chosen.ticked else tally(shell().redis, chosen.filter, [UNKNOWN])
    names = sorted(shell().config.destinations)
    return render_template("letters/move.html", chosen=chosen, count=count, names=names, to=to)


def _moved(chosen: Selection, target: Destination) -> tuple[Counter[str], bool]:
    """Move what is meant, for about a second; say what became of how many, and whether that was all."""
    here, end = shell(), time.monotonic() + _PART_SECONDS
    told: Counter[str] = Counter()
    for letters in _parts(chosen):
        told += move(here.redis, letters, target)
        if time.monotonic() >= end and not chosen.ticked:
            # Where nothing could be moved, going on would come to the same ones again.
            return told, not told[MOVED]
    return told, True


def _parts(chosen: Selection) -> Iterator[list[DeadLetter]]:
    here, start = shell(), None
    if chosen.ticked:
        yield _whole(_refs(chosen))
        return
    while True:
        found = look(here.redis, chosen.filter, [UNKNOWN], start=start, size=_PART, seconds=_PART_SECONDS)
        yield _whole([letter.ref for letter in found.letters])
        start = found.older
        if start is None:
            return


def _refs(chosen: Selection) -> list[str]:
    """Return those of the ticked ones that are without a destination; the others have theirs."""
    return [ref for destination, ref in chosen.ticked if destination == UNKNOWN]


def _whole(refs: list[str]) -> list[DeadLetter]:
    return [letter for letter in Queries(shell().redis, Keys(UNKNOWN)).get_many(refs) if letter is not None]
