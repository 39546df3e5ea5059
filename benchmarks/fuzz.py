"""What do arbitrary inputs do to the door's reading and to the mapping? `python -m benchmarks.fuzz --seconds 120`

Each input goes the way of a request: read as the door reads it, checked as the door checks it, then prepared as a
worker prepares it. Nothing may raise, and no fault may repeat a value.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
import traceback
from typing import Any

from worker.config import Destination
from worker.config.load import build
from worker.door import body, checks
from worker.door.problems import Refusal
from worker.envelope import Envelope
from worker.inbox import Claimed
from worker.preparation import prepare
from worker.settlement import Dead

CANARY = "canary.person@example.com"
_WORDS = [
    *("event", "event_name", "event_id", "type", "track", "messageId", "timestamp", "event_time", "properties", "user"),
    *("context", "traits", "email", "phone", "value", "currency", "products", "contents", "price", "quantity", "USD"),
    *(
        "Order Completed",
        "Purchase",
        "purchase",
        "page",
        "url",
        "ip",
        "userId",
        "items",
        "external_id",
        "test_event_code",
    ),
    *(
        CANARY,
        "+12025550199",
        "__proto__",
        "{{user.email}}",
        "=1+1",
        "\x00",
        "\ud800",
        "\x1b[2J",
        "1,234",
        "2026-09-21",
    ),
]
_SOURCES = ("tiktok", "segment", "commanders_act", "amperity")
_NUMBERS = [0, -1, 1, 2**63, -(2**64), 10**300, 1e308, 0.1, 10**400]


def destinations() -> list[Destination]:
    """Return one destination of each source."""
    raw = {
        "credentials": {"main": {"access_token": "${TOKEN}"}},
        "destinations": {
            source: {
                "kind": "events",
                "source": source,
                "credentials": "main",
                "event_source_id": "{{event}}",
                "event_source": "web",
                "default_region": "US",
                "mappings": [{"event": "Purchase", "when": "type != 'x'", "fields": {"properties.order_id": "max(*)"}}],
            }
            for source in _SOURCES
        },
    }
    return list(build(raw, {"TOKEN": "x"}, source="fuzz").destinations.values())


def anything(dice: random.Random, depth: int = 0) -> Any:
    """Return arbitrary JSON, more often than not with names that events have."""
    kind = dice.random()
    if depth > 5 or kind < 0.4:
        return dice.choice([dice.choice(_WORDS), dice.choice(_NUMBERS), None, True, "x" * dice.randrange(300)])
    if kind < 0.55:
        return [anything(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {dice.choice(_WORDS): anything(dice, depth + 1) for _ in range(dice.randrange(9))}


def wire(dice: random.Random) -> bytes:
    """Return a body: JSON, often damaged."""
    text = bytearray(json.dumps([anything(dice) for _ in range(dice.randrange(1, 4))]).encode())
    for _ in range(dice.choice([0, 0, 0, 1, 3, 20])):
        at = dice.randrange(len(text))
        text[at : at + dice.randrange(3)] = bytes(dice.randrange(256) for _ in range(dice.randrange(4))) or b"["
        text = text or bytearray(b"[")
    return bytes(text)


def feed(raw: bytes, destination: Destination, *, gzipped: bool, lines: bool) -> str:
    """Send one input all the way; return what was said of it. Raises what nothing may raise."""
    mapper, now, said = destination.mapper(), 1_790_000_000.0, []
    check = checks.full(destination, mapper, lambda: now)
    try:
        pieces = body.texts(gzip.compress(raw) if gzipped else raw, gzipped=gzipped)
        read = body.lines if lines else body.one_or_array
        for index, parsed in enumerate(read(pieces, max_characters=100_000)):
            if parsed.fault is None:
                said.append(repr(check(index, parsed.value)))
            else:
                said.append(parsed.fault)
    except Refusal as refusal:
        said.append(str(refusal))
    fate = prepare(Claimed(1, "1-1", Envelope("1-1", "id", raw, int(now * 1000))), destination, mapper, now=now)
    if isinstance(fate, Dead):
        said.append(f"{fate.letter.message} {fate.letter.faults} {fate.letter.event}")
    return " ".join(said)


def main(arguments: list[str] | None = None) -> int:
    """Run until the time is up; return 1 at the first finding, with the input that makes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    options = parser.parse_args(arguments)
    dice, targets, count = random.Random(options.seed), destinations(), 0
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        raw, destination = wire(dice), dice.choice(targets)
        count += 1
        try:
            said = feed(raw, destination, gzipped=dice.random() < 0.1, lines=dice.random() < 0.3)
            if CANARY in said:
                raise AssertionError("a value is repeated")
        except Exception:
            traceback.print_exc()
            print(f"input {count} of seed {options.seed}, to {destination.name}: {raw!r}")
            return 1
    print(f"{count:,} inputs, nothing found; seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
