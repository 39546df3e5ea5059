"""What does the sandbox tell about itself under /_sandbox/, and what may be turned there?"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from worker.sandbox.reply import Reply, text
from worker.sandbox.request import Head
from worker.sandbox.script import parse_step
from worker.sandbox.state import State
from worker.sandbox.tokens import parse_tokens

REPORT_ROOT: Final = "/_sandbox/"
_DONE: Final[dict[str, Any]] = {"ok": True}


class Report:
    """The side channel over one state; mistakes answer HTTP 400 with their words."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._routes: Mapping[tuple[str, str], Callable[[Head, bytes], Reply]] = {
            ("GET", "events"): self._events,
            ("GET", "requests"): self._requests,
            ("GET", "stats"): lambda _head, _body: _json(state.store.stats()),
            ("GET", "deliveries"): self._deliveries,
            ("GET", "faults"): lambda _head, _body: _json(state.faults.listing()),
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "settings"): lambda _head, _body: _json(state.settings.as_mapping()),
            ("POST", "settings"): self._change_settings,
            ("POST", "tokens"): self._configure_tokens,
            ("GET", "clock"): lambda _head, _body: _json({"now": state.clock()}),
            ("POST", "clock"): self._advance_clock,
            ("POST", "reset"): self._reset,
        }

    def answer(self, head: Head, body: bytes) -> Reply:
        """Returns the answer to a request under /_sandbox/ (with or without a last slash)."""
        route = self._routes.get((head.method, head.path.removeprefix(REPORT_ROOT).rstrip("/")))
        if route is None:
            return text(404, "404 page not found")
        try:
            return route(head, body)
        except ValueError as error:
            return _json({"error": str(error)}, status=400)

    def _events(self, head: Head, _body: bytes) -> Reply:
        since, limit = _page(head)
        return _json(self._state.store.events(since=since, limit=limit, event_id=head.query.get("event_id")))

    def _requests(self, head: Head, _body: bytes) -> Reply:
        since, limit = _page(head)
        return _json(self._state.store.requests(since=since, limit=limit))

    def _deliveries(self, head: Head, _body: bytes) -> Reply:
        rows = self._state.store.deliveries()
        if head.query.get("format") == "ndjson":
            names = ("event_source_id", "event", "event_id", "times")
            lines = b"".join(orjson.dumps(dict(zip(names, row, strict=True))) + b"\n" for row in rows)
            return Reply(200, lines, "application/x-ndjson")
        return _json(by_event_id(rows))

    def _add_faults(self, _head: Head, body: bytes) -> Reply:
        written = _decoded(body)
        steps = written if isinstance(written, list) else [written]
        for step in [(parse_step(step), step) for step in steps]:
            self._state.faults.add(*step)
        return _json(_DONE)

    def _clear_faults(self, _head: Head, _body: bytes) -> Reply:
        self._state.faults.clear()
        return _json(_DONE)

    def _change_settings(self, _head: Head, body: bytes) -> Reply:
        self._state.settings = self._state.settings.with_changes(_object(body))
        return _json(self._state.settings.as_mapping())

    def _configure_tokens(self, _head: Head, body: bytes) -> Reply:
        written = _decoded(body)
        if written is not None and not isinstance(written, dict):
            raise ValueError("must be an object of tokens, or null to let any token pass")
        self._state.tokens.configure(None if written is None else parse_tokens(written))
        return _json(_DONE)

    def _advance_clock(self, _head: Head, body: bytes) -> Reply:
        seconds = _object(body).get("advance_seconds")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise ValueError("advance_seconds: must be a number of seconds")
        self._state.clock.advance(seconds)
        return _json({"now": self._state.clock()})

    def _reset(self, _head: Head, _body: bytes) -> Reply:
        self._state.reset()
        return _json(_DONE)


def by_event_id(rows: list[tuple[str, str, str, int]]) -> dict[str, int]:
    """Returns how often each event id was accepted, over all event sources and events."""
    times: dict[str, int] = {}
    for _source_id, _event, event_id, count in rows:
        times[event_id] = times.get(event_id, 0) + count
    return times


def _json(value: Any, *, status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(value), "application/json")


def _decoded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ValueError("the body is not valid JSON") from None


def _object(body: bytes) -> dict[str, Any]:
    decoded = _decoded(body)
    if not isinstance(decoded, dict):
        raise ValueError("the body must be an object")
    return decoded


def _page(head: Head) -> tuple[int, int | None]:
    try:
        limit = head.query.get("limit")
        return int(head.query.get("since", "0")), None if limit is None else max(0, int(limit))
    except ValueError:
        raise ValueError("since and limit must be whole numbers") from None
