"""How often may somebody try to sign in?

Tokens cannot be guessed; this keeps a flood of attempts from costing anything. An address is kept only as a keyed
digest whose key ends within a day.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from redis import Redis

from worker.keys import WEB_SALT, web_attempts

_WINDOW_SECONDS = 300
_PER_ADDRESS = 10
_IN_ALL = 1000
_SALT_SECONDS = 86400


class Attempts:
    """The attempts to sign in of the last minutes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def take(self, address: str) -> int:
        """Count an attempt from `address`; return 0, or the seconds to wait when there were too many."""
        pipe = self._redis.pipeline(transaction=False)
        keys = {self._key(address): _PER_ADDRESS, web_attempts("all"): _IN_ALL}
        for key in keys:
            pipe.set(key, 0, ex=_WINDOW_SECONDS, nx=True)
            pipe.incr(key)
            pipe.ttl(key)
        told: list[Any] = pipe.execute()
        counted = zip(keys.values(), told[1::3], told[2::3], strict=True)
        waits = [max(1, int(left)) for most, count, left in counted if count > most]
        return max(waits, default=0)

    def forget(self, address: str) -> None:
        """Start anew for an address that showed a good token."""
        self._redis.delete(self._key(address))

    def _key(self, address: str) -> str:
        self._redis.set(WEB_SALT, secrets.token_bytes(32), ex=_SALT_SECONDS, nx=True)
        salt: Any = self._redis.get(WEB_SALT)
        return web_attempts(hashlib.blake2b(address.encode(), key=salt or b"", digest_size=12).hexdigest())
