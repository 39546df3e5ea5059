"""How long does the server take for a page of dead letters or retries, with very many of them and of destinations?

`python -m benchmarks.letter_pages [--letters 1000000] [--destinations 200]`, on a Redis of its own. A fifth of the dead
letters lie in one destination, the others in all of them.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import orjson
from redis import Redis

from benchmarks.chaos.server import RedisServer
from benchmarks.order import orders
from worker.config import Config
from worker.config.load import build
from worker.dead_letters import DeadLetter
from worker.envelope import Attempt, Envelope
from worker.keys import Keys
from worker.web import WebSettings, create_app

_REASONS = (("rejected", 40002), ("exhausted", 50000), ("invalid", None), ("expired", None))
_EVENTS = ("Purchase", "Purchase", "Purchase", "AddToCart", "Lead", "ViewContent")
_LOOKS = 9
_SCHEDULED = 100_000


@click.command(help=__doc__)
@click.option("--letters", type=int, default=1_000_000, show_default=True)
@click.option("--destinations", type=int, default=200, show_default=True)
def main(letters: int, destinations: int) -> None:
    names = [f"shop-{number:03d}" for number in range(destinations)]
    with (
        TemporaryDirectory() as folder,
        RedisServer(Path(folder) / "redis") as server,
        Redis.from_url(server.url) as redis,
    ):
        _fill(redis, names, letters)
        client = create_app(_config(names), redis, WebSettings()).test_client()
        for title, path in _paths(names[0]):
            found = []
            for _ in range(_LOOKS):
                began = time.perf_counter()
                answer = client.get(f"http://localhost:8000{path}")
                found.append((time.perf_counter() - began) * 1e3)
                assert answer.status_code == 200, (path, answer.status_code)
            click.echo(f"{title:<45} median {statistics.median(found):6.0f} ms   slowest {max(found):6.0f} ms")


def _paths(name: str) -> list[tuple[str, str]]:
    letters = "/dead-letters"
    return [
        ("dead letters, first page", letters),
        ("dead letters, one destination", f"{letters}?destination={name}"),
        ("dead letters, one reason", f"{letters}?reason=invalid"),
        ("dead letters, reason, code and event", f"{letters}?reason=rejected&code=40002&event=Lead"),
        ("dead letters, a time long ago", f"{letters}?before=2020-01-01"),
        ("dead letters, a page in the middle", f"{letters}?behind=1750000000000.0:shop-100:5-0"),
        ("dead letters, the page before it", f"{letters}?behind=1750000000000.0:shop-100:5-0&towards=now"),
        ("dead letters, a text that is nowhere", f"{letters}?text=nowhere-to-be-found"),
        ("dead letters, a text of many", f"{letters}?text=benchmark"),
        ("one dead letter", f"{letters}/{name}/0-0"),
        ("the form to edit it", f"{letters}/{name}/0-0/edit"),
        ("the plan to replay all", f"{letters}/replay"),
        ("the plan to replay a reason", f"{letters}/replay?reason=invalid"),
        ("the question before discarding all", f"{letters}/discard"),
        ("replay jobs", f"{letters}/jobs"),
        ("retries", "/retries"),
        ("playground", "/playground"),
    ]


def _config(names: list[str]) -> Config:
    shared = {"kind": "events", "source": "segment", "credentials": "main", "event_source_id": "7654321098765432109"}
    raw = {"credentials": {"main": {"access_token": "${TOKEN}"}}, "destinations": dict.fromkeys(names, shared)}
    return build(raw, {"TOKEN": "token-of-the-benchmark"}, source="benchmark")


def _fill(redis: Redis, names: list[str], letters: int) -> None:
    payloads = [orjson.dumps(event) for event in orders(100)]
    began = 1_700_000_000.0
    pipe = redis.pipeline(transaction=False)
    for number in range(letters):
        name = names[0] if number % 5 == 0 else names[number % len(names)]
        keys, (reason, code) = Keys(name), _REASONS[number % len(_REASONS)]
        history = (Attempt(began, "rejected", code, "as a benchmark wants it", f"request-{number}"),)
        envelope = Envelope(f"{number}-0", f"order-{number}", payloads[number % 100], 1, attempts=1, history=history)
        letter = DeadLetter(
            destination=name,
            reason=reason,
            message="as a benchmark wants it",
            envelope=envelope,
            dead_at=began + number * 100 // 1000,
            code=code,
            request_id=f"request-{number}",
            event=_EVENTS[number % len(_EVENTS)],
        )
        _add(pipe, keys, letter)
        if number < _SCHEDULED:
            pipe.zadd(keys.due, {envelope.ref: (time.time() + number) * 1000})
            pipe.hset(keys.scheduled, envelope.ref, envelope.packed())
        if number % 500 == 499:
            pipe.execute()
        if number % 100_000 == 99_999:
            click.echo(f"{number + 1:,} dead letters", err=True)
    pipe.execute()


def _add(pipe: Redis, keys: Keys, letter: DeadLetter) -> None:
    """Do what `Changes.add` does, many to a round trip."""
    score = letter.dead_at * 1000
    pipe.hset(keys.dead_meta, letter.ref, letter.meta())
    pipe.hset(keys.dead_events, letter.ref, letter.envelope.payload)
    pipe.zadd(keys.dead, {letter.ref: score})
    for index in letter.indexes(keys):
        pipe.zadd(index, {letter.ref: score})
        pipe.sadd(keys.facets, index)


if __name__ == "__main__":
    main()
