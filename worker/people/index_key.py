"""With which key are people's hashes made unrecognizable in the index?"""

from __future__ import annotations

import hashlib
import os
import secrets

from redis import Redis
from redis.exceptions import ResponseError

from worker.keys import PEOPLE_KEY


def index_key(redis: Redis) -> bytes | None:
    """Return the key of the index: from the environment, else one that this installation keeps in its Redis.

    None when there is none yet and Redis takes no more: what is settled then stays out of the index, and is settled.

    That the environment's is long enough, whoever has read the configuration knows.
    """
    given = os.environ.get("TIKTOK_EVENTS_INDEX_KEY", "").strip()
    if given:
        return hashlib.sha256(given.encode()).digest()
    # Asked for each time: somebody may have emptied Redis since.
    kept = redis.get(PEOPLE_KEY)
    if kept is None:
        try:
            redis.set(PEOPLE_KEY, secrets.token_bytes(32), nx=True)
        except ResponseError:
            return None
        kept = redis.get(PEOPLE_KEY)
    return bytes(kept)  # type: ignore[arg-type] # bytes by now
