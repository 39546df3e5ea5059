"""How is a request that comes twice answered twice and stored once?

After draft-ietf-httpapi-idempotency-key-header: the same key and request get the same answer, the same key and another
request 422, one that comes while the first is under way 409. What a crash leaves: between beginning and storing, a
lease of 60 s and no event; between storing and remembering, the events and the lease. Sent again after it, they are
stored again under the same ids, and the ledger and TikTok drop the repeats. Nothing is remembered as stored that is
not, so nothing is lost. A request that was stopped half-way leaves how far it came, and the next one goes on there.
"""

from __future__ import annotations

import hashlib
import logging
import re
import zlib
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import RedisError

from worker.door.checks import EventError
from worker.door.problems import Refusal
from worker.door.request import KEY
from worker.door.taking import Outcome
from worker.keys import door_answer
from worker.scripts import run

log = logging.getLogger(__name__)

_LEASE_MS = 60_000
_KEPT_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of a request before it is looked at: how far it came, and whether that is the end."""

    outcome: Outcome
    answered: bool = False


class Idempotency:
    """The memory of one caller's one key. Without a key it remembers nothing."""

    def __init__(self, redis: Redis, *, caller: str, destination: str, key: str | None, request: bytes) -> None:
        """Take the key as the header has it, in quotes or not. Raises Refusal if it is none."""
        self._redis = redis
        self._request = hashlib.sha256(request).hexdigest()
        self._place: str | None = None
        if key is not None:
            if not re.fullmatch(KEY, key.strip()):
                raise Refusal("malformed_request", "Idempotency-Key: must be 1 to 255 printable ASCII characters")
            # A key may be anything, a person's address included; a digest tells nobody.
            digest = hashlib.sha256("\0".join((caller, destination, key.strip().strip('"'))).encode()).hexdigest()
            self._place = door_answer(digest[:32])

    def begin(self) -> Begun:
        """Return what an earlier try came to. Raises Refusal: another request has the key, or one is under way."""
        if self._place is None:
            return Begun(Outcome())
        state, *rest = run(self._redis, "door_begin", [self._place], [self._request, _LEASE_MS])
        if state == b"other":
            raise Refusal("key_reused", "this Idempotency-Key came with another body, query or header before")
        if state == b"running":
            wait = max(1, min(5, -(-int(rest[0]) // 1000)))
            raise Refusal("key_in_use", "the first request with this key is not answered yet", retry_after_seconds=wait)
        if state == b"new":
            return Begun(Outcome())
        return Begun(_unpacked(rest[0]), answered=state == b"done")

    def end(self, outcome: Outcome, *, whole: bool) -> None:
        """Remember what came of it. If Redis does not take it, the events are stored all the same."""
        if self._place is None:
            return
        state = "done" if whole else "partial"
        try:
            run(self._redis, "door_end", [self._place], [self._request, state, _packed(outcome), _KEPT_MS])
        except RedisError as error:
            log.warning("an answer is not remembered", extra={"cause": type(error).__name__})


def _packed(outcome: Outcome) -> bytes:
    told: list[Any] = [outcome.ids, [error.told() for error in outcome.errors]]
    return zlib.compress(orjson.dumps(told), 1)


def _unpacked(data: bytes) -> Outcome:
    ids, errors = orjson.loads(zlib.decompress(data))
    return Outcome(ids, [EventError(**error) for error in errors])
