"""What Redis says of all workers and destinations, as Prometheus reads it: the same, whoever is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisClusterException, RedisError

from worker.config import Config
from worker.keys import LEADER, UNKNOWN
from worker.metrics.names import COUNTED, FLEET
from worker.overview import Overview, look_at
from worker.pauses import REASONS as PAUSES
from worker.reasons import REASONS

_FRESH_SECONDS = 1.0
"""Who asks more often than this gets the same answer: a scraper gone wild must not load Redis."""

_BREAKER = {"closed": 0, "half-open": 1, "open": 2}

_Families = dict[str, Any]


class FleetFigures(Collector):
    """Reads `names.FLEET` from Redis when it is asked."""

    def __init__(self, redis: Redis, config: Config, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._config = config
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._read: list[Family] = []

    def describe(self) -> Iterable[Family]:
        """Return nothing, so that registering asks nothing of Redis."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Yield what can be read. A Redis that does not answer leaves `tiktok_events_redis_up` 0, and nothing else."""
        with self._lock:
            if not 0 <= self._clock() - self._read_at < _FRESH_SECONDS:
                self._read = self._families()
                self._read_at = self._clock()
            yield from self._read

    def _families(self) -> list[Family]:
        families: _Families = {
            metric.name: (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(
                metric.name, metric.help, labels=metric.labels
            )
            for metric in FLEET.values()
        }
        up = families["tiktok_events_redis_up"]
        try:
            self._fill(families)
        except (RedisError, RedisClusterException, OSError):
            up.add_metric((), 0)
            return [up]
        up.add_metric((), 1)
        return list(families.values())

    def _fill(self, families: _Families) -> None:
        used, limit = memory(self._redis.info("memory"))
        families["tiktok_events_redis_memory_used_bytes"].add_metric((), used)
        families["tiktok_events_redis_memory_limit_bytes"].add_metric((), limit)
        families["tiktok_events_leader"].add_metric((), 1 if self._redis.exists(LEADER) else 0)
        now = self._clock()
        settings = self._config.destinations
        for one in look_at(self._redis, [*settings, UNKNOWN], now=now, settings=settings):
            families["tiktok_events_fault"].add_metric((one.destination,), 1 if one.fault else 0)
            # What Redis refuses to tell is not zero.
            if not one.fault:
                _add(families, one)


def memory(info: Any) -> tuple[int, int]:
    """Return the memory used and `maxmemory` in bytes, 0 for no limit; of a cluster, those of the fullest server."""
    servers = [info] if "used_memory" in info else list(info.values())
    told = [(int(server["used_memory"]), int(server.get("maxmemory") or 0)) for server in servers]
    return max(told, key=lambda one: (one[0] / one[1] if one[1] else 0.0, one[0]))


def _add(families: _Families, one: Overview) -> None:
    name = one.destination
    for metric, value in (
        ("backlog", one.waiting),
        ("oldest_seconds", one.oldest_seconds),
        ("in_flight", one.in_flight),
        ("scheduled", one.scheduled),
        ("breaker", _BREAKER[one.breaker]),
        ("requests_total", one.totals.get("requests", 0)),
    ):
        families[f"tiktok_events_{metric}"].add_metric((name,), value)
    if one.limit_in_force is not None:
        families["tiktok_events_limit_ratio"].add_metric((name,), one.limit_in_force)
    for fate in COUNTED:
        families["tiktok_events_settled_total"].add_metric((name, fate), one.totals.get(fate, 0))
    died = {key.removeprefix("dead:"): count for key, count in one.totals.items() if key.startswith("dead:")}
    for metric, counts, reasons in (
        ("dead_total", died, REASONS),
        ("dead_letters", one.dead_by_reason, REASONS),
        ("paused", {one.pause.reason: 1} if one.pause else {}, PAUSES),
    ):
        for reason, count in _closed(counts, reasons).items():
            families[f"tiktok_events_{metric}"].add_metric((name, reason), count)


def _closed(counts: dict[str, int], allowed: Iterable[str]) -> dict[str, int]:
    """Return a count for every value of a closed list: a series that comes only when it happens makes no rate.

    What is not in the list (written by a newer version, or by hand) is `other`: nobody can make series at will.
    """
    told = dict.fromkeys((*allowed, "other"), 0)
    for key, count in counts.items():
        told[key if key in told else "other"] += count
    return told
