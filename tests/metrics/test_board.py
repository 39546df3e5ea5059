"""The figures of a worker's processes: added up, kept over deaths, exact under threads and forks."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from worker.metrics import exposition
from worker.metrics.board import COLUMNS, ROWS, SIZE, WIDTH, Board, Head, Own
from worker.metrics.figures import WorkerFigures
from worker.metrics.meter import Meter
from worker.metrics.names import ALL, LABELS, WORKER

HEAD = Head(stuck_after_seconds=60.0, started_at=0.0)
Told = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def board() -> Board:
    return Board.made(HEAD)


def told(board: Board, parent: Meter) -> Told:
    registry = CollectorRegistry()
    registry.register(WorkerFigures(board, parent))
    families = text_string_to_metric_families(exposition.text(registry).decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(found: Told, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_processes_are_added_up_into_cumulated_buckets(board: Board) -> None:
    parent, child = Meter(board.row(0)), Meter(board.row(1))
    for meter, seconds in ((parent, 0.0004), (child, 0.05), (child, 0.051), (child, 99.0)):
        meter.request("events", "delivered", seconds)
    found = told(board, parent)
    name, labels = "tiktok_events_request_seconds", {"kind": "events", "outcome": "delivered"}
    buckets = {le: value(found, f"{name}_bucket", le=le, **labels) for le in ("0.001", "0.05", "0.1", "30.0", "+Inf")}
    assert buckets == {"0.001": 1, "0.05": 2, "0.1": 3, "30.0": 3, "+Inf": 4}
    assert value(found, f"{name}_count", **labels) == 4
    assert value(found, f"{name}_sum", **labels) == pytest.approx(99.1014)


def test_who_takes_a_dead_ones_place_goes_on_from_its_counters(board: Board) -> None:
    parent = Meter(board.row(0))
    first = Meter(board.row(1))
    first.began()
    first.claimed("events", 100)
    first.request("events", "delivered", 0.1)
    first.note_cpu()
    before = told(board, parent)
    second = Meter(board.row(1))
    second.request("events", "delivered", 0.1)
    second.note_cpu()
    after = told(board, parent)
    name = "tiktok_events_request_seconds_count"
    assert value(after, name, kind="events", outcome="delivered") == 2
    cpu = "tiktok_events_worker_cpu_seconds_total"
    assert value(after, cpu, role="pool") >= value(before, cpu, role="pool") > 0
    assert (value(before, "tiktok_events_worker_slots_busy"), value(before, "tiktok_events_worker_events")) == (1, 100)
    assert (value(after, "tiktok_events_worker_slots_busy"), value(after, "tiktok_events_worker_events")) == (0, 0)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_writes_what_its_parent_reads(board: Board) -> None:
    parent = Meter(board.row(0))
    pid = os.fork()
    if not pid:
        Meter(board.row(1)).claimed("events", 7)
        os._exit(0)
    os.waitpid(pid, 0)
    assert value(told(board, parent), "tiktok_events_batch_events_count", kind="events") == 1
    assert board.row(1)[Own.PID] == pid


def test_threads_lose_no_count(board: Board) -> None:
    meter = Meter(board.row(0))

    def count() -> None:
        for _ in range(2000):
            meter.stage("events", "send", 0.01)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = told(board, meter)
    assert value(found, "tiktok_events_batch_seconds_count", kind="events", stage="send") == 8000


def test_a_batch_that_an_exception_ended_is_not_in_flight_for_ever(board: Board) -> None:
    meter = Meter(board.row(0))
    meter.began()
    meter.claimed("events", 50)
    assert value(told(board, meter), "tiktok_events_worker_events") == 50
    meter.ended("deliver", failed=True)
    found = told(board, meter)
    assert value(found, "tiktok_events_worker_events") == 0
    assert value(found, "tiktok_events_worker_tasks_total", task="deliver", result="failed") == 1


def test_a_task_that_is_none_of_ours_makes_no_series_of_its_own(board: Board) -> None:
    meter = Meter(board.row(0))
    meter.began()
    meter.ended("celery.chord_unlock")
    assert value(told(board, meter), "tiktok_events_worker_tasks_total", task="other", result="done") == 1


def test_columns_do_not_overlap_and_fill_the_row() -> None:
    ends = [*COLUMNS.values(), WIDTH]
    widths = [after - before for before, after in itertools.pairwise(ends)]
    for (name, *_), width in zip(COLUMNS, widths, strict=True):
        metric = ALL[name]
        assert width == (len(metric.buckets) + 2 if metric.kind == "histogram" else 1)
    assert min(COLUMNS.values()) == len(Own)
    assert SIZE == 8 * (4 + ROWS * WIDTH)


def test_a_file_of_another_layout_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "board"
    path.write_bytes(bytes(SIZE))
    with path.open("r+b") as file:
        assert Board.opened(file) is None
        board = Board.made(HEAD, file)
        board.row(3)[Own.PID] = 9.0
        read = Board.opened(file)
    assert read is not None
    assert read.head == HEAD
    assert [row[Own.PID] for row in read.taken()] == [9.0]
    path.write_bytes(b"short")
    with path.open("rb") as file:
        assert Board.opened(file) is None


def test_a_worker_tells_all_of_its_list_and_nothing_else(board: Board) -> None:
    meter = Meter(board.row(0))
    meter.started()
    for kind in LABELS["kind"][1]:
        meter.claimed(kind, 5)
        meter.request(kind, "unavailable", 1)
        meter.stage(kind, "claim", 0.001)
        meter.settled(kind, 5, 2.0)
    names = {name for name, _ in told(board, meter)}
    assert names == {each for metric in WORKER.values() for each in metric.samples()}


@pytest.mark.parametrize(
    "note",
    [
        lambda meter: meter.progress(),
        lambda meter: meter.stage("events", "send", 0.01),
        lambda meter: meter.request("events", "delivered", 0.01),
        lambda meter: (meter.claimed("events", 1000), meter.settled("events", 1000, 0.5)),
    ],
)
def test_a_note_costs_microseconds(board: Board, note: Callable[[Meter], object]) -> None:
    meter = Meter(board.row(0))
    started = time.thread_time()
    for _ in range(10_000):
        note(meter)
    assert (time.thread_time() - started) / 10_000 < 50e-6, "a batch of 1,000 events has about ten of them"
