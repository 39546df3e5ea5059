"""Is this request one too many? (reference 5)

Windows are the clock's own seconds, minutes and UTC days, counted for each token and endpoint. A breach of
the minute's limit holds for five minutes, one of the day's until 00:00 UTC, as TikTok describes the recovery.
"""

import threading
from typing import Final

from worker.sandbox.reply import Reply, envelope, text
from worker.sandbox.settings import Settings

_MINUTE_PENALTY_SECONDS: Final = 300
_DAY_SECONDS: Final = 86_400

_MESSAGES: Final = {
    40016: "Too many requests by this app. Please retry in some time.",
    40100: "Too many requests. Please retry in some time.",
    40132: "The request QPS is limited by pixel_code's value.",
    40133: "Advertiser's QPS reaches QPS limit for current path, request is temporarily restricted.",
}


class Limits:
    """Counts requests against the settings; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._held_until: dict[tuple[str, str], float] = {}

    def reset(self) -> None:
        """Forgets every window."""
        with self._lock:
            self._counts.clear()
            self._held_until.clear()

    def allows(self, token: str, path: str, settings: Settings, *, at: float) -> bool:
        """Counts a request at Unix second ``at`` and returns whether it is within the limits.

        A refused request counts in no window.
        """
        windows = [
            (seconds, limit)
            for seconds, limit in (
                (1, settings.requests_per_second),
                (60, settings.requests_per_minute),
                (_DAY_SECONDS, settings.requests_per_day),
            )
            if limit is not None
        ]
        if not windows:
            return True
        with self._lock:
            if at < self._held_until.get((token, path), 0.0):
                return False
            for seconds, limit in windows:
                window, count = self._counts.get((token, path, seconds), (-1, 0))
                if window == int(at // seconds) and count >= limit:
                    self._hold(token, path, seconds, at)
                    return False
            for seconds, _limit in windows:
                current = int(at // seconds)
                window, count = self._counts.get((token, path, seconds), (-1, 0))
                self._counts[token, path, seconds] = (current, count + 1 if window == current else 1)
            return True

    def _hold(self, token: str, path: str, seconds: int, at: float) -> None:
        if seconds == 60:
            self._held_until[token, path] = at + _MINUTE_PENALTY_SECONDS
        elif seconds == _DAY_SECONDS:
            self._held_until[token, path] = (at // _DAY_SECONDS + 1) * _DAY_SECONDS


def throttled(settings: Settings) -> Reply:
    """Returns the answer to a request over the limit: never a Retry-After, 429 without an envelope."""
    code = settings.throttle_code
    if code == 429:
        return text(429, "Too Many Requests")
    return envelope(code, _MESSAGES.get(code, _MESSAGES[40100]), {}, status=settings.throttle_http_status)
