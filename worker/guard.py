"""When too much would die: a bad deploy or a changed contract stops the destination instead."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from schemas.consent import NO_CONSENT
from worker.config import GuardSettings
from worker.keys import Keys

_WINDOW_MINUTES = 5
_HANDLED = ("delivered", "duplicate", "superseded", "discarded", "consent_refused", "dead")
_DECIDED = f"dead:{NO_CONSENT}"
"""Dead letters of people's own making: many of them say nothing of a deploy or a contract."""

_NEVER_HELD = frozenset({"crash_loop", "partial", NO_CONSENT})


def holds_back(reason: str) -> bool:
    """Say whether an event with this reason may wait instead: one that kills workers, or that TikTok took in part,
    must not be sent again by itself, and one whose person did not agree would be refused again."""
    return reason not in _NEVER_HELD


@dataclass(frozen=True, slots=True)
class Guard:
    """Watches the share of dead letters of one destination."""

    redis: Redis
    keys: Keys
    settings: GuardSettings

    def trips(self, *, dead: int, handled: int, now: float) -> bool:
        """Say whether `dead` more of `handled` more events would be too large a share of the last five minutes.

        A person who resumed the destination has seen it and said go on: the guard is off for the ten minutes after.
        """
        if not dead or self.settings.max_dead_share >= 1:
            return False
        pipe = self.redis.pipeline(transaction=False)
        pipe.hget(self.keys.state, "guard_off_until")
        minute = int(now // 60)
        for each in range(minute - _WINDOW_MINUTES + 1, minute + 1):
            pipe.hmget(self.keys.minute(each), [_DECIDED, *_HANDLED])
        off_until, *minutes = pipe.execute()
        if off_until is not None and float(off_until) > now:
            return False
        for counts in minutes:
            decided, *others = (int(count or 0) for count in counts)
            handled += sum(others)
            dead += others[-1] - decided
        return handled >= self.settings.min_events and dead / handled > self.settings.max_dead_share
