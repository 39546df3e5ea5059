"""How long does the server take for each page of the web, with two hundred destinations?

    python -m benchmarks.web_pages

Every destination has an hour of counters, a backlog, retries and dead letters in its indexes. Shown are the first
request, for which nothing is kept, with the processor's part of it, and the median and the slowest of fifty.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import redis as redis_py

from worker import audit, embedded
from worker.config import Config
from worker.config.load import build
from worker.keys import Keys
from worker.reasons import REASONS
from worker.web import create_app

_DESTINATIONS = 200
_ROUNDS = 50
_PAGES = ("/", "/overview.json", "/destinations/shop-000", "/destinations/shop-000.json", "/audit", "/metrics")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder)) as url:
        redis, config = redis_py.Redis.from_url(url), _config()
        _fill(redis, config)
        print(f"{_DESTINATIONS} destinations, ms at the server: first (CPU), median and slowest of {_ROUNDS}")
        for page in _PAGES:
            # A clock that runs ahead: what is kept for a second is then never fresh.
            ticks = iter(range(1_000_000))
            app = create_app(config, redis, clock=lambda ticks=ticks: time.time() + 0.1 * next(ticks))  # type: ignore[misc]
            took, busy = [], []
            for _ in range(_ROUNDS):
                began, worked = time.perf_counter(), time.process_time()
                status = app.test_client().get(page).status_code
                took.append(1000 * (time.perf_counter() - began))
                busy.append(1000 * (time.process_time() - worked))
                assert status == 200, (page, status)
            print(f"  {page:32} {took[0]:6.0f} ({busy[0]:.0f}) {statistics.median(took[1:]):6.0f} {max(took[1:]):6.0f}")


def _config() -> Config:
    destination = {"kind": "events", "source": "segment", "credentials": "main", "event_source_id": "7"}
    raw = {
        "credentials": {"main": {"access_token": "${TOKEN}"}},
        "destinations": {f"shop-{number:03}": destination for number in range(_DESTINATIONS)},
    }
    return build(raw, {"TOKEN": "t"}, source="benchmark")


def _fill(redis: redis_py.Redis, config: Config) -> None:
    minute = int(time.time() // 60)
    for name in config.destinations:
        keys, pipe = Keys(name), redis.pipeline(transaction=False)
        for age in range(120):
            counters = {"delivered": 9000, "retried": 3, "dead": 1, "requests": 90, "backlog": 40, "took:64": 9000}
            pipe.hset(keys.minute(minute - age), mapping=counters)
        for number in range(50):
            pipe.xadd(keys.inbox, {"event": "{}", "id": f"e-{number}"})
            pipe.zadd(keys.dead, {f"{number}-0": number})
            pipe.zadd(keys.due, {f"{number}-0": 1e13})
        for reason in REASONS:
            pipe.zadd(keys.facet("reason", reason), {f"{number}-0": number for number in range(5)})
        pipe.hset(keys.totals, mapping={"delivered": 10**9, "retried": 10**6, "dead": 10**4})
        pipe.execute()
    for _ in range(2000):
        audit.record(redis, "pause", destination="shop-000", details={"reason": "measuring"})


if __name__ == "__main__":
    main()
