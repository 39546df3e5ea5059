"""When a destination stops as a whole, why, and how it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from worker.keys import Keys
from worker.scripts import run

_GUARD_OFF_SECONDS = 600

REASONS: Mapping[str, str] = {
    "command": "a person paused it",
    "unauthorized": "TikTok refuses the credential; a new token or `resume` goes on",
    "misconfigured": "TikTok does not know the endpoint or the event source; mend the configuration, then `resume`",
    "too_many_dead_letters": "too large a share would have been dead-lettered; look at them, then `resume`",
}
"""Reason: what it means and how to go on."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a destination is paused, since when (Unix seconds), and by whom."""

    reason: str
    detail: str
    since: float
    by: str
    credential: str


def pause_of(state: Mapping[str, str]) -> Pause | None:
    """Return the pause that the fields of a destination's state tell of, or None."""
    if "paused" not in state:
        return None
    return Pause(
        reason=state["paused"],
        detail=state.get("detail", ""),
        since=float(state.get("since", 0)),
        by=state.get("by", ""),
        credential=state.get("credential", ""),
    )


class Pauses:
    """The pause of one destination."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    def pause(self, reason: str, *, detail: str, by: str, credential: str, now: float) -> bool:
        """Pause it; return False if it was paused already, so that one incident makes one alert."""
        told = ["detail", detail, "since", repr(now), "by", by, "credential", credential]
        return bool(run(self._redis, "pause", [self._keys.state], ["paused", reason, *told]))

    def resume(self, *, now: float) -> bool:
        """Go on; return False if it was not paused. The breaker and any block are lifted, too.

        The guard against too many dead letters is off for ten minutes: whoever resumes has looked at them.
        """
        keys = [self._keys.state, self._keys.breaker]
        was = run(self._redis, "resume", keys, [repr(now + _GUARD_OFF_SECONDS)])
        return bool(was)

    def current(self) -> Pause | None:
        """Return the pause, or None."""
        raw: Any = self._redis.hgetall(self._keys.state)
        return pause_of({key.decode(): value.decode() for key, value in raw.items()})

    def resume_on_new_token(self, credential: str, *, now: float) -> bool:
        """Go on if the token that TikTok refused has been replaced; return whether it was so."""
        pause = self.current()
        if pause is None or pause.reason != "unauthorized" or pause.credential == credential:
            return False
        return self.resume(now=now)

    def block(self, seconds: float) -> None:
        """Claim nothing for at least some seconds: throttled, and the events may as well wait where they are."""
        run(self._redis, "block", [self._keys.state], [int(seconds * 1000)])
