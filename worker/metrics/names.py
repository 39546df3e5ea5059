"""Which metrics there are: the closed list that docs/metrics.md, and the check of dashboard and alerts, are made from.

No label ever holds a value of an event. Every label's values come from a closed list or from the configuration, so
the number of series is known before the first event.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

from worker.errors import Outcome
from worker.pauses import REASONS as PAUSES
from worker.reasons import REASONS

COUNTED = (
    *("delivered", "duplicate", "superseded", "discarded", "consent_refused"),
    *("retried", "deferred", "replayed", "purged", "forgotten"),
)
"""The counters of a destination that are exported as they are; `dead` comes by reason, `requests` by itself."""

STAGES = ("claim", "prepare", "send", "settle")
TASKS = ("serve", "deliver", "enqueue", "replay", "sweep", "wake", "other")

LABELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "destination": ("a name of the configuration; `_unknown` for events that named none that exists", ()),
    "reason": ("why an event is a dead letter", (*REASONS, "other")),
    "fate": ("what became of an event", COUNTED),
    "pause": ("why a destination is paused", (*PAUSES, "other")),
    "kind": ("the kind of the destination", ("events", "offline", "order_sync")),
    "outcome": ("what the answer to a request means", tuple(Outcome)),
    "stage": ("step of a batch", STAGES),
    "task": ("Celery task", TASKS),
    "result": ("how a task ended", ("done", "failed")),
    "role": ("the worker's first process, or those of its pool", ("parent", "pool")),
    "area": ("part of the web process", ("page", "action", "api", "door", "static", "health", "other")),
    "status": ("class of the HTTP status", ("1xx", "2xx", "3xx", "4xx", "5xx")),
}
"""Label: (what it tells, its values). Empty values: those of the configuration."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Times are in seconds, sizes in bytes or events. `buckets` are a histogram's upper bounds."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()

    def combinations(self) -> list[tuple[str, ...]]:
        """Return every combination of the values of its labels."""
        return list(product(*(LABELS[label][1] for label in self.labels)))

    def samples(self) -> set[str]:
        """Return the names under which Prometheus stores it."""
        suffixes = ("_bucket", "_sum", "_count") if self.kind == "histogram" else ("",)
        return {self.name + suffix for suffix in suffixes}


_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_AGES = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    900.0,
    3600.0,
    21600.0,
    86400.0,
)
_SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)

FLEET = {
    metric.name: metric
    for metric in (
        Metric(
            "tiktok_events_redis_up",
            "gauge",
            (),
            "1 when the events' Redis answers; without it the rest of this table is missing",
        ),
        Metric(
            "tiktok_events_redis_memory_used_bytes",
            "gauge",
            (),
            "memory that Redis uses; of a cluster, the fullest server",
        ),
        Metric("tiktok_events_redis_memory_limit_bytes", "gauge", (), "`maxmemory` of the same server, 0 for none"),
        Metric(
            "tiktok_events_leader",
            "gauge",
            (),
            "1 when a worker listens for events; 0: no worker runs, or none reaches Redis",
        ),
        Metric(
            "tiktok_events_fault",
            "gauge",
            ("destination",),
            "1 when a key of the destination has the wrong type; its other figures are missing then",
        ),
        Metric("tiktok_events_backlog", "gauge", ("destination",), "events that wait and nobody has claimed"),
        Metric(
            "tiktok_events_oldest_seconds",
            "gauge",
            ("destination",),
            "age of the oldest event in the streams, claimed or not; 0 when there is none",
        ),
        Metric(
            "tiktok_events_in_flight", "gauge", ("destination",), "events that a worker has claimed and not settled"
        ),
        Metric("tiktok_events_scheduled", "gauge", ("destination",), "events that wait for another attempt"),
        Metric("tiktok_events_dead_letters", "gauge", ("destination", "reason"), "dead letters that are kept now"),
        Metric(
            "tiktok_events_settled_total",
            "counter",
            ("destination", "fate"),
            "events by what became of them; `retried` and `deferred` come again",
        ),
        Metric("tiktok_events_dead_total", "counter", ("destination", "reason"), "events that became dead letters"),
        Metric("tiktok_events_requests_total", "counter", ("destination",), "requests to TikTok"),
        Metric(
            "tiktok_events_paused",
            "gauge",
            ("destination", "pause"),
            "1 when the destination is paused for this reason",
        ),
        Metric("tiktok_events_breaker", "gauge", ("destination",), "circuit breaker: 0 closed, 1 half-open, 2 open"),
        Metric(
            "tiktok_events_limit_ratio",
            "gauge",
            ("destination",),
            "share of the rate limit in force, below 1 after throttling; only where all events go to one source",
        ),
    )
}
"""What is read from Redis at each scrape: the same, whichever process is asked."""

WORKER = {
    metric.name: metric
    for metric in (
        Metric(
            "tiktok_events_request_seconds",
            "histogram",
            ("kind", "outcome"),
            "time from sending a request to TikTok until its answer is read",
            _QUICK,
        ),
        Metric("tiktok_events_batch_events", "histogram", ("kind",), "events in a claimed batch", _SIZES),
        Metric("tiktok_events_batch_seconds", "histogram", ("kind", "stage"), "time of a batch's steps", _QUICK),
        Metric(
            "tiktok_events_batch_age_seconds",
            "histogram",
            ("kind",),
            "from enqueueing to settling, of the oldest event of a batch",
            _AGES,
        ),
        Metric("tiktok_events_worker_tasks_total", "counter", ("task", "result"), "Celery tasks that ended"),
        Metric(
            "tiktok_events_worker_processes_started_total",
            "counter",
            (),
            "pool processes that were started; more than the slots: some died",
        ),
        Metric(
            "tiktok_events_worker_cpu_seconds_total",
            "counter",
            ("role",),
            "CPU time, that of processes that are gone included",
        ),
        Metric(
            "tiktok_events_worker_memory_bytes",
            "gauge",
            ("role",),
            "resident memory (Linux only); what processes share is counted in each",
        ),
        Metric("tiktok_events_worker_slots", "gauge", (), "pool processes that live"),
        Metric("tiktok_events_worker_slots_busy", "gauge", (), "those that run a task"),
        Metric("tiktok_events_worker_events", "gauge", (), "events that this worker has claimed and not settled"),
        Metric(
            "tiktok_events_worker_stalled_seconds",
            "gauge",
            (),
            "longest time that a busy process, or the waker, has shown no progress",
        ),
        Metric("tiktok_events_worker_healthy", "gauge", (), "0 when `healthcheck` would call this worker stuck"),
    )
}
"""What the processes of one worker note; its first process tells the sum."""

WEB = {
    metric.name: metric
    for metric in (
        Metric(
            "tiktok_events_web_request_seconds", "histogram", ("area", "status"), "time to answer a request", _QUICK
        ),
        Metric("tiktok_events_web_cpu_seconds_total", "counter", (), "CPU time"),
        Metric("tiktok_events_web_memory_bytes", "gauge", (), "resident memory (Linux only)"),
    )
}
"""What the web process notes of itself."""

ALL = FLEET | WORKER | WEB
