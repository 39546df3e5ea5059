"""Dead letters, discarding: counted, confirmed, and done a bounded part at a time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for

from worker.dead_letters import Changes, Tally, look, tally
from worker.keys import Keys
from worker.web.pages.dead_letters.blueprint import blueprint
from worker.web.pages.dead_letters.selection import Selection, selection
from worker.web.security import requires
from worker.web.shell import record, shell

_PART = 1_000
_PART_SECONDS = 0.2


@blueprint.get("/discard")
@requires("operate")
def confirm() -> str:
    """Ask, with the count, before anything is gone for good."""
    return _question(selection(request.args), gone=0)


@blueprint.post("/discard")
@requires("operate")
def discard() -> Any:
    """Discard those that were confirmed; of very many a part, with the question whether to go on."""
    chosen = selection(request.form)
    gone, finished = _discard_ticked(chosen) if chosen.ticked else _discard_some(chosen)
    before = int(request.form.get("gone", "0")[:12]) if request.form.get("gone", "0").isdigit() else 0
    if not finished:
        return _question(chosen, gone=before + gone)
    flash(f"{before + gone:,} discarded.")
    return redirect(url_for("dead_letters.index"), 303)


def _question(chosen: Selection, *, gone: int) -> str:
    count = (
        Tally(len(chosen.letters()), True)
        if chosen.ticked
        else tally(shell().redis, chosen.filter, chosen.destinations)
    )
    return render_template("letters/discard.html", chosen=chosen, count=count, gone=gone, before=_before(chosen))


def _before(chosen: Selection) -> str:
    """Return the end of the time that is meant: what dies after the question was not part of it."""
    seconds, microseconds = shell().redis.time()
    now = seconds + microseconds / 1e6
    last = now if chosen.filter.before is None else min(now, chosen.filter.before)
    return datetime.fromtimestamp(last, UTC).isoformat()


def _discard_ticked(chosen: Selection) -> tuple[int, bool]:
    total = 0
    letters = chosen.letters()
    for name in dict.fromkeys(letter.destination for letter in letters):
        own = [letter for letter in letters if letter.destination == name]
        gone = Changes(shell().redis, Keys(name)).discard(own)
        record("discard", destination=name, details={"refs": [letter.ref for letter in own], "count": gone})
        total += gone
    return total, True


def _discard_some(chosen: Selection) -> tuple[int, bool]:
    """Discard matching ones for a fifth of a second; say how many, and whether that was all."""
    here, end = shell(), time.monotonic() + _PART_SECONDS
    gone: dict[str, int] = {}
    finished = False
    start = None
    while not finished and time.monotonic() < end:
        found = look(here.redis, chosen.filter, chosen.destinations, start=start, size=_PART, seconds=_PART_SECONDS)
        for name in dict.fromkeys(letter.destination for letter in found.letters):
            own = [letter for letter in found.letters if letter.destination == name]
            gone[name] = gone.get(name, 0) + Changes(here.redis, Keys(name)).discard(own)
        start, finished = found.older, found.older is None
    for name, count in gone.items():
        record("discard", destination=name, details={"filter": chosen.described(), "count": count})
    return sum(gone.values()), finished
