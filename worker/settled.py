"""What is known of a batch once it is settled: the facts that log lines, spans and Sentry's issues are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from worker.inbox import Claimed
from worker.posts import Post
from worker.settlement import Dead, Done, Fate

OUTCOMES: Mapping[str, str] = {
    "delivered": "TikTok took it",
    "duplicate": "delivered before, by the ledger; not sent again",
    "superseded": "a newer update of the same order was delivered; not sent",
    "discarded": 'no mapping asks for it, and `unmapped = "discard"`',
    "consent_refused": "its person did not agree, and `consent` drops such events",
    "retried": "failed for now; tried again later, one attempt used",
    "deferred": "put off without using an attempt",
    "dead": "a dead letter",
}
"""What can become of an event in one batch: what it means."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One batch of `destination` with the fate of each event; `entries` is how many were still ours to settle."""

    destination: str
    fates: Sequence[tuple[Claimed, Fate]]
    posts: Sequence[Post]
    entries: int
    started: float
    ended: float
    batch: str = field(default_factory=lambda: token_hex(6))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event, without any value of it."""

    outcome: str
    reason: str | None = None
    code: int | None = None
    request_id: str | None = None
    wait_seconds: float | None = None


def result(claimed: Claimed, fate: Fate) -> Result:
    """Return what became of an event."""
    if isinstance(fate, Done):
        return Result(fate.counter, request_id=fate.request_id)
    if isinstance(fate, Dead):
        letter = fate.letter
        return Result("dead", reason=letter.reason, code=letter.code, request_id=letter.request_id)
    # Put off without having been sent: then the last attempt it remembers is an older one.
    if fate.envelope is claimed.envelope or not fate.envelope.history:
        return Result(fate.counter, wait_seconds=fate.wait_seconds)
    last = fate.envelope.history[-1]
    return Result(
        fate.counter,
        reason=last.outcome,
        code=last.code,
        request_id=last.request_id,
        wait_seconds=fate.wait_seconds,
    )
