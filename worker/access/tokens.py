"""How is an access token made, recognized and revoked?

A token is `tte_ID_SECRET`: the id finds its record, the secret has 192 random bits. Redis holds the secret's SHA-256
only. A salt or a slow hash would add nothing: nobody guesses 192 bits, and every request would pay for it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from redis import Redis

from worker import audit
from worker.access.access import SCOPES, Access
from worker.keys import ACCESS
from worker.scripts import run

_TOKEN = re.compile(r"tte_([0-9a-f]{12})_([0-9a-f]{48})", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_USED = "used:"
_USED_EVERY_SECONDS = 3600.0
"""Every request would otherwise write, and nobody needs to know it to the second."""


class IssueError(Exception):
    """No token can be made like this. The text says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a token. Times are Unix seconds; `expires_at` None: never; `used_at` to the hour, None: never."""

    token_id: str
    name: str
    scopes: frozenset[str]
    destinations: frozenset[str] | None
    created_at: float
    created_by: str
    expires_at: float | None
    used_at: float | None
    digest: str = field(repr=False)

    def is_live(self, now: float) -> bool:
        """Say whether it has not ended."""
        return self.expires_at is None or now < self.expires_at

    def access(self) -> Access:
        """Return what it allows."""
        return Access(self.name, self.scopes, self.destinations, self.token_id)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token. `text` is seen this once."""

    record: Record
    text: str = field(repr=False)


class AccessTokens:
    """The access tokens of an installation."""

    def __init__(self, redis: Redis, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock

    def create(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        destinations: Iterable[str] | None = None,
        lifetime_seconds: float | None = None,
    ) -> Issued:
        """Make a token and write down who did.

        `destinations` limits what it may enqueue to; None: all of them, also those to come.

        Raises:
            IssueError: the name is taken or no name, there is no such scope, or nothing to limit.
        """
        allowed = frozenset(scopes)
        limited = None if destinations is None else frozenset(destinations)
        if not _NAME.fullmatch(name):
            raise IssueError("a name has 1 to 63 of A-Z, a-z, 0-9, ., - and _ and starts with a letter or a digit")
        if not allowed or not allowed <= SCOPES.keys():
            raise IssueError(f"scopes are {', '.join(SCOPES)}")
        if limited is not None and (not limited or "enqueue" not in allowed):
            raise IssueError("destinations limit the scope enqueue")
        if any(record.name == name for record in self.all()):
            # The audit names tokens; two of one name could not be told apart there.
            raise IssueError("there is a token of this name already")
        token_id, secret = secrets.token_hex(6), secrets.token_hex(24)
        now = self._clock()
        record = Record(
            token_id=token_id,
            name=name,
            scopes=allowed,
            destinations=limited,
            created_at=now,
            created_by=audit.who(),
            expires_at=None if lifetime_seconds is None else now + lifetime_seconds,
            used_at=None,
            digest=_digest(secret),
        )
        self._redis.hset(ACCESS, token_id, _encoded(record))
        details = {"token": token_id, "name": name, "scopes": ", ".join(sorted(allowed))}
        audit.record(self._redis, "token-create", destination=", ".join(sorted(limited or ())), details=details)
        return Issued(record, f"tte_{token_id}_{secret}")

    def verify(self, text: str) -> Access | None:
        """Return what the token `text` allows, or None if it is none, is revoked or has ended."""
        found = _TOKEN.fullmatch(text)
        if found is None:
            return None
        token_id, secret = found[1], found[2]
        told: Any = self._redis.hmget(ACCESS, [token_id, _USED + token_id])
        if told[0] is None:
            return None
        record = _decoded(token_id, *told)
        now = self._clock()
        if not hmac.compare_digest(_digest(secret), record.digest) or not record.is_live(now):
            return None
        if record.used_at is None or now - record.used_at >= _USED_EVERY_SECONDS:
            run(self._redis, "access_used", [ACCESS], [token_id, _USED + token_id, int(now)])
        return record.access()

    def all(self) -> list[Record]:
        """Return every token that is not revoked, ended ones too, by name."""
        told: Any = self._redis.hgetall(ACCESS)
        raw = {key.decode(): value for key, value in told.items()}
        records = [
            _decoded(token_id, value, raw.get(_USED + token_id))
            for token_id, value in raw.items()
            if not token_id.startswith(_USED)
        ]
        return sorted(records, key=lambda record: record.name)

    def exist(self, *scopes: str) -> bool:
        """Say whether a token is live that allows one of `scopes` (none given: anything)."""
        now = self._clock()
        return any(record.is_live(now) and (not scopes or record.scopes & set(scopes)) for record in self.all())

    def find(self, wanted: str) -> Record | None:
        """Return the token with this id or name, or None."""
        return next((record for record in self.all() if wanted in (record.token_id, record.name)), None)

    def revoke(self, record: Record) -> bool:
        """End a token at once and write down who did; return False if somebody else had."""
        gone = self._redis.hdel(ACCESS, record.token_id, _USED + record.token_id)
        if gone:
            details = {"token": record.token_id, "name": record.name}
            audit.record(self._redis, "token-revoke", destination="", details=details)
        return bool(gone)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _encoded(record: Record) -> bytes:
    return orjson.dumps(
        {
            "name": record.name,
            "scopes": sorted(record.scopes),
            "destinations": None if record.destinations is None else sorted(record.destinations),
            "created_at": record.created_at,
            "created_by": record.created_by,
            "expires_at": record.expires_at,
            "digest": record.digest,
        }
    )


def _decoded(token_id: str, raw: bytes, used: bytes | None) -> Record:
    told = orjson.loads(raw)
    return Record(
        token_id=token_id,
        name=told["name"],
        scopes=frozenset(told["scopes"]),
        destinations=None if told["destinations"] is None else frozenset(told["destinations"]),
        created_at=told["created_at"],
        created_by=told["created_by"],
        expires_at=told["expires_at"],
        used_at=None if used is None else float(used),
        digest=told["digest"],
    )
