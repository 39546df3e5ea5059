"""Dead letters, the list: filter, leaf through, tick."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for

from worker.dead_letters import facets, look, tally
from worker.keys import UNKNOWN, Keys
from worker.paging import place
from worker.reasons import REASONS
from worker.web.pages.dead_letters.blueprint import blueprint, destinations
from worker.web.pages.dead_letters.selection import Selection, selection
from worker.web.security import requires
from worker.web.shell import shell

_ROWS = 50
_MOST_CHIPS = 12


@blueprint.get("")
@requires("read")
def index() -> Any:
    """Show a page of those that match."""
    here, chosen = shell(), selection(request.args)
    if (found := _named(chosen)) is not None:
        return redirect(url_for("dead_letters.show", destination=found, ref=chosen.filter.text), 303)
    start = place(request.args.get("behind", ""))
    seen = look(
        here.redis,
        chosen.filter,
        chosen.destinations,
        start=start,
        towards_now=request.args.get("towards") == "now",
        size=_ROWS,
    )
    known = facets(here.redis, destinations())
    return render_template(
        "letters/list.html",
        chosen=chosen,
        seen=seen,
        count=tally(here.redis, chosen.filter, chosen.destinations),
        chips={kind: list(counts.items())[:_MOST_CHIPS] for kind, counts in _largest_first(known).items()},
        destinations=sorted(known["destination"]),
        reasons=REASONS,
        unknown=UNKNOWN,
        newer=_link(chosen, seen.newer and seen.newer.text(), towards="now"),
        older=_link(chosen, seen.older and seen.older.text()),
        at_newest=start is None,
    )


def _named(chosen: Selection) -> str | None:
    """Return the destination of the dead letter whose ref is looked for: that one need not be searched."""
    if not chosen.filter.text:
        return None
    pipe = shell().redis.pipeline(transaction=False)
    for name in chosen.destinations:
        pipe.zscore(Keys(name).dead, chosen.filter.text)
    scores = zip(chosen.destinations, pipe.execute(), strict=True)
    return next((name for name, score in scores if score is not None), None)


def _largest_first(known: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {
        kind: dict(sorted(((value, count) for value, count in counts.items() if count), key=lambda each: -each[1]))
        for kind, counts in known.items()
    }


def _link(chosen: Selection, behind: str | None, **more: str) -> str | None:
    fields: dict[str, Any] = {**chosen.fields, "behind": behind, **more}
    return url_for("dead_letters.index", **fields) if behind else None
