"""How is somebody remembered who signed in with an access token?

The cookie holds a random id, Redis its hash: who reads Redis cannot sign in. A session ends when it is idle, when it
is old, when somebody signs out, and with its token.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from worker.access import Access, AccessTokens
from worker.keys import web_session
from worker.web.settings import WebSettings


@dataclass(frozen=True, slots=True)
class Session:
    """Who signed in, with what scopes, and the token that their forms repeat."""

    name: str
    scopes: frozenset[str]
    csrf: str = field(repr=False)


class Sessions:
    """The sessions of an installation."""

    def __init__(self, redis: Redis, settings: WebSettings) -> None:
        self._redis = redis
        self._settings = settings

    def start(self, access: Access, *, now: float) -> str:
        """Begin a session for who showed a token; return its id, for the cookie."""
        session_id = secrets.token_urlsafe(32)
        told: dict[Any, Any] = {"token": access.token_id, "csrf": secrets.token_urlsafe(24), "started": repr(now)}
        key = _key(session_id)
        pipe = self._redis.pipeline(transaction=True)
        pipe.hset(key, mapping=told)
        pipe.expire(key, self._settings.session_idle_seconds)
        pipe.execute()
        return session_id

    def find(self, session_id: str, *, now: float) -> Session | None:
        """Return a session that has not ended, and keep it for another idle time."""
        key = _key(session_id)
        raw: Any = self._redis.hgetall(key)
        told = {name.decode(): value.decode() for name, value in raw.items()}
        if not {"token", "csrf", "started"} <= told.keys():
            return None
        left = float(told["started"]) + self._settings.session_seconds - now
        if left <= 0:
            self.end(session_id)
            return None
        # The token decides anew each time: its end, and any change of it, is the session's.
        record = AccessTokens(self._redis, clock=lambda: now).find(told["token"])
        if record is None or record.token_id != told["token"] or not record.is_live(now):
            return None
        self._redis.expire(key, max(1, int(min(left, self._settings.session_idle_seconds))))
        return Session(record.name, record.scopes, told["csrf"])

    def end(self, session_id: str) -> None:
        """Forget a session."""
        self._redis.delete(_key(session_id))


def _key(session_id: str) -> str:
    return web_session(hashlib.sha256(session_id.encode()).hexdigest())
