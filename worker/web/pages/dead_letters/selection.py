"""Which dead letters does a page mean: some that were ticked, or all that match a filter?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import abort
from werkzeug.datastructures import MultiDict

from worker.dead_letters import DeadLetter, Filter, Queries
from worker.keys import Keys
from worker.reasons import REASONS
from worker.redaction import redact
from worker.web.pages.dead_letters.blueprint import destinations, keys_of
from worker.web.shell import shell

_MOST_TICKED = 200
_NAMES = ("destination", "reason", "code", "event", "after", "before", "text")


@dataclass(frozen=True, slots=True)
class Selection:
    """What the fields of a form or an address mean. `fields` are those that are set, as they were given."""

    filter: Filter
    destinations: tuple[str, ...]
    fields: Mapping[str, str]
    ticked: tuple[tuple[str, str], ...]
    """destination and ref of each; none: all that match the filter are meant"""

    def without(self, *names: str) -> dict[str, str]:
        """Return the fields but some, for a link."""
        return {name: value for name, value in self.fields.items() if name not in names}

    def described(self) -> dict[str, object]:
        """Return the filter for the audit: a person may have looked for anything, a telephone number included."""
        told = self.filter.describe()
        return {name: redact(value) if isinstance(value, str) else value for name, value in told.items()}

    def letters(self) -> list[DeadLetter]:
        """Return the ticked ones that are still there, with their events."""
        refs: dict[str, list[str]] = {}
        for destination, ref in self.ticked:
            refs.setdefault(destination, []).append(ref)
        return [
            letter
            for destination, own in refs.items()
            for letter in Queries(shell().redis, Keys(destination)).get_many(own)
            if letter is not None
        ]


def selection(given: MultiDict[str, str]) -> Selection:
    """Return what the fields mean, or end the request in one sentence about the field that means nothing."""
    fields = {name: given[name].strip() for name in _NAMES if given.get(name, "").strip()}
    names = destinations()
    if "destination" in fields:
        names = [keys_of(fields["destination"]).destination]
    if fields.get("reason", "invalid") not in REASONS:
        abort(400, "There is no such reason.")
    text = fields.get("text")
    if text is not None and "@" in text:
        # It would stay in the browser's history, and would find nothing.
        abort(400, "Ids, references, request ids and messages can be looked for; none holds an e-mail address.")
    return Selection(
        filter=Filter(
            reason=fields.get("reason"),
            code=_number(fields.get("code")),
            event=fields.get("event"),
            after=_seconds(fields.get("after")),
            before=_seconds(fields.get("before")),
            text=text[:200] if text else None,
        ),
        destinations=tuple(names),
        fields=fields,
        ticked=ticked(given),
    )


def ticked(given: MultiDict[str, str]) -> tuple[tuple[str, str], ...]:
    """Return destination and ref of each row that was ticked, or of the one whose own button was pressed."""
    chosen = [given["one"]] if given.get("one") else given.getlist("ref")[:_MOST_TICKED]
    return tuple((keys_of(name).destination, ref) for name, _, ref in (each.partition(":") for each in chosen))


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        abort(400, "A code is a number.")
    return int(text)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        abort(400, "A time is written 2026-01-31 or 2026-01-31T12:00, in UTC.")
