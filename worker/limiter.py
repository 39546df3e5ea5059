"""How many requests all workers together may make, and how that adapts to TikTok's throttling."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from worker import keys
from worker.config import RateLimit
from worker.scripts import Call, run

_DAY_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Permit:
    """The answer to one who asks for a request: `wait_seconds` 0 grants it; otherwise nothing was taken, ask again
    after that long. `row` is how often TikTok has throttled in a row until then."""

    wait_seconds: float
    row: int


@dataclass(frozen=True, slots=True)
class Limiter:
    """The shared limits; one for each credential, event source and endpoint."""

    redis: Redis

    def ask(self, scope: str, limit: RateLimit) -> Permit:
        """Ask for one request."""
        call = asking(scope, limit)
        return permit_of(run(self.redis, call.name, call.keys, call.args))

    def served(self, scope: str, permit: Permit) -> None:
        """Note that TikTok served the request that `permit` granted, and so ended the row of throttling."""
        if permit.row:
            run(self.redis, "served", [keys.limiter(scope)], [permit.row])

    def throttled(self, scope: str, *, now: float) -> float:
        """Lower the limit after TikTok throttled a request; return the seconds in which none may be made."""
        until_midnight = _DAY_SECONDS - now % _DAY_SECONDS
        wait = run(self.redis, "throttled", [keys.limiter(scope)], [int(until_midnight * 1000) + 1])
        return float(wait) / 1000

    def in_force(self, scope: str) -> float:
        """Return the share of the limit that is in force, 1.0 when TikTok has not throttled lately."""
        share, _ = run(self.redis, *in_force([scope]))
        return float(share)


def asking(scope: str, limit: RateLimit) -> Call:
    """Return the call that asks for one request; `permit_of` reads its answer."""
    return Call("permit", [keys.limiter(scope)], [limit.requests_per_second, limit.requests_per_minute])


def permit_of(answer: Any) -> Permit:
    """Return the permit that an answer is."""
    wait, row = answer
    return Permit(float(wait) / 1000, int(row))


def in_force(scopes: Sequence[str]) -> Call:
    """Return the call that tells the least share in force of several limits, and the longest block."""
    return Call("in_force", [keys.limiter(scope) for scope in scopes], [])


def scope(credential_fingerprint: str, event_source_id: str, path: str) -> str:
    """Return the name under which a limit is shared: TikTok counts by app, source and endpoint."""
    told = "\0".join((credential_fingerprint, event_source_id, path))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
