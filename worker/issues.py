"""Which dead letters become an issue in Sentry? One issue for each reason and code, however many events it meets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from time import monotonic

from redis import Redis
from redis.exceptions import RedisError

from worker import sentry
from worker.dead_letters import DeadLetter
from worker.keys import Keys
from worker.reasons import REASONS
from worker.settled import Settled
from worker.settlement import Dead
from worker.traceparents import trace_of

TOLD_SECONDS = 600
"""How long nothing more is said of a reason and code of one destination, by any worker."""


@dataclass(slots=True)
class _Kind:
    rests_until: float = 0.0
    events: int = 0


@dataclass(frozen=True, slots=True)
class Issues:
    """Tells Sentry of dead letters, for the whole fleet once in ten minutes and kind.

    This process asks Redis no more often than that, either.
    """

    redis: Redis
    clock: Callable[[], float] = monotonic
    _kinds: dict[tuple[str, str, int | None], _Kind] = field(default_factory=dict)

    def tell(self, settled: Settled) -> None:
        """Tell of the dead letters of a batch, unless it was done a while ago."""
        sentry_sdk = sentry.sdk()
        if sentry_sdk is None or not sentry_sdk.get_client().is_active():
            return
        fresh: dict[tuple[str, str, int | None], DeadLetter] = {}
        for _, fate in settled.fates:
            if isinstance(fate, Dead):
                kind = (settled.destination, fate.letter.reason, fate.letter.code)
                fresh.setdefault(kind, fate.letter)
                self._kinds.setdefault(kind, _Kind()).events += 1
        for kind, letter in fresh.items():
            known = self._kinds[kind]
            if self.clock() < known.rests_until:
                continue
            known.rests_until = self.clock() + TOLD_SECONDS
            if self._is_first(letter):
                _capture(letter, batch=settled.batch, events=known.events)
                known.events = 0

    def _is_first(self, letter: DeadLetter) -> bool:
        key = Keys(letter.destination).told(letter.reason, letter.code)
        try:
            return bool(self.redis.set(key, 1, nx=True, ex=TOLD_SECONDS))
        except RedisError:
            # The batch is settled. Sentry groups what several workers say; a fault that nobody hears of is worse.
            return True


def _capture(letter: DeadLetter, *, batch: str, events: int) -> None:
    meaning, advice = REASONS[letter.reason]
    code = "" if letter.code is None else str(letter.code)
    with sentry.sdk().new_scope() as scope:
        scope.fingerprint = ["tiktok-events", "dead", letter.reason, code]
        scope.set_tag("destination", letter.destination)
        scope.set_tag("reason", letter.reason)
        if code:
            scope.set_tag("code", code)
        # TikTok's own message is left out: it may quote an event. `dead-letters show` has it.
        scope.set_context(
            "dead_letter",
            {
                "meaning": meaning,
                "advice": advice,
                "events_of_this_process": events,
                "ref": letter.ref,
                "batch": batch,
                "request_id": letter.request_id,
                "event": letter.event,
            },
        )
        trace = trace_of(letter.envelope.traceparent)
        if trace is not None:
            # Sentry shows the issue in the trace of the app that enqueued one of these events.
            own = {"trace_id": trace.trace_id, "parent_span_id": trace.span_id, "span_id": token_hex(8)}
            scope.set_context("trace", own)
        scope.capture_message(" ".join(filter(None, ("dead letters:", letter.reason, code))), level="error")
