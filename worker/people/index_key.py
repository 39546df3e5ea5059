"""With which key are people's hashes made unrecognizable in the index?"""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import Any

from redis import Redis

from worker.keys import PEOPLE_KEY
from worker.scripts import run


def index_key(redis: Redis) -> bytes:
    """Return the key of the index: from the environment, else one that this installation keeps in its Redis.

    That the environment's is long enough, whoever has read the configuration knows.
    """
    given = os.environ.get("TIKTOK_EVENTS_INDEX_KEY", "").strip()
    if given:
        return hashlib.sha256(given.encode()).digest()
    # Asked for each time: somebody may have emptied Redis since.
    kept: Any = redis.get(PEOPLE_KEY) or run(redis, "index_key", [PEOPLE_KEY], [secrets.token_bytes(32)])
    return bytes(kept)
