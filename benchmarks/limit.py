"""What can the machine do? A plain process without queue framework, contract, retries or dead letters.

`python -m benchmarks.limit REDIS_URL STREAM SINK_URL [BATCH]`: read a thousand entries, or as many as BATCH says,
decode, map straight, hash, encode, post, acknowledge and delete; until killed. Whatever fails ends it, and an event of
it.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import orjson
import requests
from redis import Redis

from benchmarks.straight import body

GROUP = "limit"
BATCH = 1000


def main(redis_url: str, stream: str, sink_url: str, batch: str = str(BATCH)) -> None:
    """Deliver what the stream holds, and go on waiting for more."""
    redis = Redis.from_url(redis_url, protocol=2)
    session = requests.Session()
    session.trust_env = False
    consumer = str(os.getpid())
    while True:
        answer: Any = redis.xreadgroup(GROUP, consumer, {stream: ">"}, count=int(batch), block=1000)
        if not answer:
            continue
        entries = answer[0][1]
        data = orjson.dumps(body([orjson.loads(fields[b"event"]) for _, fields in entries]))
        session.post(sink_url, data=data, headers={"Content-Type": "application/json"}, timeout=10).raise_for_status()
        ids = [entry_id for entry_id, _ in entries]
        pipe = redis.pipeline(transaction=False)
        pipe.xack(stream, GROUP, *ids)
        pipe.xdel(stream, *ids)
        pipe.execute()


if __name__ == "__main__":
    main(*sys.argv[1:])
