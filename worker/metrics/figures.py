"""What a board says, as Prometheus reads it: the sum of a worker's processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from worker.metrics import health
from worker.metrics.board import COLUMNS, NOTED, Board, Own
from worker.metrics.meter import Meter
from worker.metrics.names import WEB, WORKER, Metric

_Rows = list["memoryview[float]"]


class WorkerFigures(Collector):
    """What the processes of one worker have noted. Lives in its first process, whose meter is `parent`."""

    def __init__(self, board: Board, parent: Meter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._parent = parent
        self._clock = clock

    def describe(self) -> Iterable[Family]:
        """Return nothing: what there is is known when it is asked for."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Yield every family of `names.WORKER`."""
        self._parent.note_cpu()
        now = self._clock()
        rows = self._board.taken()
        yield from _noted(WORKER, rows)
        first, *pool = health.processes(self._board, now=now)
        live = [process for process in pool if process.lives]
        ids = {"parent": [first.pid], "pool": [process.pid for process in live]}
        cpu = {"parent": rows[0][Own.CPU_SECONDS], "pool": sum(row[Own.CPU_SECONDS] for row in rows[1:])}
        yield _counter(WORKER["tiktok_events_worker_cpu_seconds_total"], {(role,): cpu[role] for role in cpu})
        memory = {(role,): _memory_bytes(ids[role]) for role in ids}
        yield _gauge(WORKER["tiktok_events_worker_memory_bytes"], {key: told for key, told in memory.items() if told})
        # Without a pool of processes (solo, threads) the first one does the work.
        slots = live or [first]
        figures = {
            "slots": len(slots),
            "slots_busy": sum(process.running > 0 for process in slots),
            "events": sum(process.events for process in (first, *live)),
            "stalled_seconds": health.stalled_seconds(self._board, now=now),
            "healthy": 0 if health.faults(self._board, now=now) else 1,
        }
        for name, value in figures.items():
            yield _gauge(WORKER[f"tiktok_events_worker_{name}"], {(): value})


class WebFigures(Collector):
    """What the web process has noted of itself."""

    def __init__(self, board: Board, meter: Meter) -> None:
        self._board = board
        self._meter = meter

    def describe(self) -> Iterable[Family]:
        """Return nothing: what there is is known when it is asked for."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Yield every family of `names.WEB`."""
        self._meter.note_cpu()
        row = self._board.row(0)
        yield from _noted(WEB, [row])
        yield _counter(WEB["tiktok_events_web_cpu_seconds_total"], {(): row[Own.CPU_SECONDS]})
        memory = _memory_bytes([os.getpid()])
        yield _gauge(WEB["tiktok_events_web_memory_bytes"], {(): memory} if memory else {})


def _noted(wanted: dict[str, Metric], rows: _Rows) -> Iterator[Family]:
    for metric in NOTED:
        if metric.name not in wanted:
            continue
        if metric.kind == "counter":
            yield _counter(metric, {values: _sum(rows, metric, values, 0) for values in metric.combinations()})
            continue
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for values in metric.combinations():
            counts = [_sum(rows, metric, values, place) for place in range(len(metric.buckets) + 1)]
            # What never happened has no series: most combinations of kind and outcome never do.
            if any(counts):
                family.add_metric(values, _cumulated(metric, counts), _sum(rows, metric, values, len(counts)))
        yield family


def _sum(rows: _Rows, metric: Metric, values: tuple[str, ...], place: int) -> float:
    column = COLUMNS[(metric.name, *values)] + place
    return float(sum(row[column] for row in rows))


def _cumulated(metric: Metric, counts: list[float]) -> list[tuple[str, float]]:
    told, total = [], 0.0
    for bound, count in zip((*metric.buckets, float("inf")), counts, strict=True):
        total += count
        told.append((floatToGoString(bound), total))  # type: ignore[no-untyped-call] # prometheus_client
    return told


def _counter(metric: Metric, values: dict[tuple[str, ...], float]) -> Family:
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _gauge(metric: Metric, values: dict[tuple[str, ...], float]) -> Family:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _memory_bytes(pids: Iterable[int]) -> float:
    """Return the resident memory of processes; 0 where the kernel does not tell."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            continue
    return float(total)
