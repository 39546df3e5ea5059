"""How do the parts make one TikTok that can be started, asked and stopped?"""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from worker.sandbox import actions
from worker.sandbox.api import Api
from worker.sandbox.faults import API_ROOT, Hit
from worker.sandbox.reply import Reply, nothing, text
from worker.sandbox.report import REPORT_ROOT, Report, by_event_id
from worker.sandbox.request import Head
from worker.sandbox.script import Script, parse_script, parse_step
from worker.sandbox.server import Listener, ReadBody, log_failure
from worker.sandbox.state import State
from worker.sandbox.tokens import fingerprint, parse_tokens

_REPORT_BODY_BYTES: Final = 16 * 1024 * 1024
_SECRET_HEADERS: Final = frozenset({"access-token", "authorization"})


class Sandbox:
    """A TikTok stand-in on ``host:port`` (0: a free port), a context manager.

    ``clock`` gives Unix seconds; ``script`` is a Script, or a mapping of the form that the package's
    docstring describes; ``record_limit`` is how many events and requests are kept in full (None: all).
    Raises ValueError for a script that cannot be understood, OSError where the port is taken.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        script: Script | Mapping[str, Any] | None = None,
        record_limit: int | None = 100_000,
    ) -> None:
        if not isinstance(script, Script):
            script = parse_script(script or {})
        self._address = (host, port)
        self._state = State(script, clock=clock, record_limit=record_limit)
        self._api = Api(self._state)
        self._report = Report(self._state)
        self._listener: Listener | None = None

    def start(self) -> None:
        """Listens in background threads; raises RuntimeError when it does already."""
        if self._listener is not None:
            raise RuntimeError("the sandbox was started already")
        self._listener = Listener(self._address, self._exchange)

    def stop(self) -> None:
        """Stops listening and ends every connection; what arrived stays readable."""
        if self._listener is not None:
            self._listener.stop()
            self._address = (self._address[0], self._listener.server_port)
            self._listener = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def origin(self) -> str:
        """``http://host:port``; raises RuntimeError before the start."""
        port = self._listener.server_port if self._listener is not None else self._address[1]
        if not port:
            raise RuntimeError("the sandbox was not started")
        return f"http://{self._address[0]}:{port}"

    @property
    def url(self) -> str:
        """The base URL for ``base_url`` of a destination; the same after a stop and another start."""
        return self.origin + API_ROOT

    @property
    def events(self) -> list[dict[str, Any]]:
        """The recorded events, as ``GET /_sandbox/events`` gives them."""
        return self._state.store.events()

    @property
    def duplicates(self) -> list[dict[str, Any]]:
        """The recorded events that TikTok would have dropped as repeats."""
        return [record for record in self._state.store.events() if record["duplicate"]]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The recorded requests, as ``GET /_sandbox/requests`` gives them."""
        return self._state.store.requests()

    @property
    def stats(self) -> dict[str, Any]:
        """The counts, as ``GET /_sandbox/stats`` gives them."""
        return self._state.store.stats()

    @property
    def deliveries(self) -> dict[str, int]:
        """How often each event id was accepted since the start."""
        return by_event_id(self._state.store.deliveries())

    def fault(self, action: str, **step: Any) -> None:
        """Adds a step behind those in force; raises ValueError for one that cannot be understood."""
        written = {"action": action, **step}
        self._state.faults.add(parse_step(written), written)

    def clear_faults(self) -> None:
        """Takes every step out of force."""
        self._state.faults.clear()

    def configure(self, **settings: Any) -> None:
        """Changes settings; raises ValueError for unknown or impossible ones."""
        self._state.settings = self._state.settings.with_changes(settings)

    def configure_tokens(self, tokens: Mapping[str, Any] | None) -> None:
        """Adds or replaces tokens, after which unknown ones are refused; None lets any token pass."""
        self._state.tokens.configure(None if tokens is None else parse_tokens(tokens))

    def advance(self, seconds: float) -> None:
        """Turns the clock ahead."""
        self._state.clock.advance(seconds)

    def reset(self) -> None:
        """Goes back to how the sandbox started."""
        self._state.reset()

    def _exchange(self, head: Head, read_body: ReadBody) -> Reply:
        if head.path.startswith(REPORT_ROOT):
            body = read_body(_REPORT_BODY_BYTES)
            return text(413, "413 request entity too large") if body is None else self._report.answer(head, body)
        number, at = self._state.store.next_request(), self._state.clock()
        hit = self._state.faults.on_arrival(head.path)
        if hit is not None and hit.step.action == "reset":
            reply, size = nothing("reset"), 0
        else:
            body = read_body(self._state.settings.max_body_bytes)
            reply, size = self._answer(number, head, body, hit), len(body or b"")
        self._note(number, at, head, size, reply, hit)
        return reply

    def _answer(self, number: int, head: Head, body: bytes | None, hit: Hit | None) -> Reply:
        wrap = self._api.wrap(head.path)
        if hit is not None and hit.step.action in actions.REFUSING:
            return actions.refuse(hit, self._state.settings, wrap=wrap)
        if body is None:
            return text(413, "413 request entity too large")
        try:
            reply = self._api.answer(number, head, body)
        except Exception as error:
            log_failure(error)
            return text(500, "500 the sandbox failed")
        return reply if hit is None else actions.alter(hit, reply, wrap=wrap)

    def _note(self, number: int, at: float, head: Head, size: int, reply: Reply, hit: Hit | None) -> None:
        record = {
            "number": number,
            "at": at,
            "method": head.method,
            "path": head.path,
            "headers": {name: value for name, value in head.headers.items() if name not in _SECRET_HEADERS},
            "token": fingerprint(head.token),
            "body_bytes": size,
            "http_status": reply.status,
            "code": reply.code,
            "message": reply.message,
            "ending": reply.ending,
            "request_id": reply.request_id,
            "fault": None if hit is None else hit.step.action,
        }
        self._state.store.note_request(record, reply.outcome)
