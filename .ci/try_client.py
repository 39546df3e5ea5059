"""Does the installed client work with this Python and the server of REDIS_URL? Run it outside a checkout, or with -I.

Enqueues one event, many, and some from asyncio and the shell, and counts what lies in the inbox.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import redis

import tiktok_events

DESTINATION = "try-client"


async def from_asyncio() -> None:
    async with tiktok_events.AsyncProducer() as producer:
        await producer.enqueue_many([{"messageId": f"a-{number}"} for number in range(300)], destination=DESTINATION)


def main() -> None:
    tiktok_events.enqueue({"messageId": "one"}, destination=DESTINATION)
    tiktok_events.enqueue_many([{"messageId": f"m-{number}"} for number in range(300)], destination=DESTINATION)
    asyncio.run(from_asyncio())
    alone = ["-I"] if sys.flags.isolated else []
    line = [sys.executable, *alone, "-W", "error", "-m", "tiktok_events", "enqueue", "--destination", DESTINATION, "-"]
    subprocess.run(line, input=json.dumps({"messageId": "s-1"}), text=True, check=True)
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as server:
        inbox = f"tiktok-events:{{{DESTINATION}}}:inbox"
        stored = server.xlen(inbox)
        server.delete(inbox)
        told = server.info("server")
    if stored != 602:
        sys.exit(f"{stored} of 602 events are stored")
    print(f"602 events stored by Python {sys.version.split()[0]} in Redis {told['redis_version']}")


main()
