"""Does the command enqueue files of rows: grouped, resumable, with the rejected ones in a file?"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import redis

from tiktok_events import cli, keys
from tiktok_events.parquet_rows import read_parquet
from tiktok_events.rows import FormatError

HEADER = "event_set_id,event,order_id,timestamp,email,value,content_id,price,quantity\n"
ORDERS = (
    HEADER
    + "7,CompletePayment,1,2026-09-21,ada@example.com,5.00,a,1.50,2\n"
    + "7,CompletePayment,1,2026-09-21,ada@example.com,5.00,b,2.00,1\n"
    + '7,CompletePayment,2,2026-09-21,bob@example.com,3.00,"c\nc",3.00,1\n'
    + "7,CompletePayment,3\n"
    + "7,CompletePayment,4,2026-09-21,eve@example.com,1.00,d,1.00,1\n"
    + "7,CompletePayment,5,2026-09-21,joe@example.com,2.00,e,2.00,1\n"
)
EnqueueFile = Callable[..., tuple[int, dict[str, Any], list[dict[str, Any]]]]


@pytest.fixture
def enqueue_file(
    each_server: Any,
    store: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> EnqueueFile:
    """Run the command on a file's content; return its status, its summary and the events that it added."""
    store.hset(keys.REGISTRY, "stores", "{}")

    def run(content: str, *options: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
        monkeypatch.setenv("REDIS_URL", each_server.url)
        path = tmp_path / "orders.csv"
        path.write_text(content, newline="")
        before = store.xlen(keys.inbox("stores"))
        line = ["enqueue", str(path), "--destination", "stores", "--json", "--quiet", "--format", "csv", *options]
        status = cli.main(line)
        events = [json.loads(fields[b"event"]) for _, fields in store.xrange(keys.inbox("stores"))[before:]]
        printed = capsys.readouterr()
        assert "@example.com" not in printed.out + printed.err
        return status, json.loads(printed.out) if printed.out else {"error": printed.err}, events

    return run


def test_each_row_is_an_event_without_grouping(enqueue_file: EnqueueFile) -> None:
    status, summary, events = enqueue_file(ORDERS)
    assert (status, summary["enqueued"], summary["rejected"], summary["last_line"]) == (cli.SOME_REJECTED, 5, 1, 8)
    assert [event["content_id"] for event in events] == ["a", "b", "c\nc", "d", "e"]


def test_rows_of_an_order_are_one_event_and_orders_beside_a_broken_line_wait(
    enqueue_file: EnqueueFile, tmp_path: Path
) -> None:
    status, summary, events = enqueue_file(ORDERS, "--group-by", "order_id", "--rejects", str(tmp_path / "rejects"))
    assert (status, summary["enqueued"], summary["rejected"], summary["last_line"]) == (cli.SOME_REJECTED, 2, 3, 8)
    assert [(event["order_id"], event["value"], len(event["contents"])) for event in events] == [
        ("1", "5.00", 2),
        ("5", "2.00", 1),
    ]
    rejects = [json.loads(line) for line in (tmp_path / "rejects").read_text().splitlines()]
    assert [reject["line"] for reject in rejects] == [4, 6, 7]
    assert rejects[1]["fault"] == "has 3 columns, the header has 9"
    assert rejects[0]["raw"] == '7,CompletePayment,2,2026-09-21,bob@example.com,3.00,"c\nc",3.00,1'


def test_values_of_lines_are_added_up_on_request(enqueue_file: EnqueueFile) -> None:
    status, _, events = enqueue_file(ORDERS, "--group-by", "order_id", "--value-per", "line")
    assert status == cli.SOME_REJECTED
    assert [event["value"] for event in events] == ["10.00", "2.00"]


@pytest.mark.parametrize(("from_line", "orders"), [(1, ["1", "5"]), (3, ["1", "5"]), (4, ["5"]), (8, ["5"]), (9, [])])
def test_it_goes_on_at_a_line_and_never_with_half_an_order(
    from_line: int, orders: list[str], enqueue_file: EnqueueFile
) -> None:
    _, _, events = enqueue_file(ORDERS, "--group-by", "order_id", "--from-line", str(from_line))
    assert [event["order_id"] for event in events] == orders


def test_a_second_run_makes_the_same_events(enqueue_file: EnqueueFile, store: redis.Redis) -> None:
    _, _, first = enqueue_file(ORDERS, "--group-by", "order_id")
    _, _, second = enqueue_file(ORDERS, "--group-by", "order_id")
    assert first == second
    ids = [fields[b"id"] for _, fields in store.xrange(keys.inbox("stores"))]
    assert ids[:2] == ids[2:]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", [], "its first line must name the columns"),
        (HEADER.replace("order_id", "order"), ["--group-by", "order_id"], "there is no column order_id"),
        ("Contact,ada@example.com\n", [], "must name the columns"),
    ],
)
def test_a_file_that_cannot_be_read_ends_it_before_anything_is_done(
    content: str, options: list[str], message: str, enqueue_file: EnqueueFile
) -> None:
    status, summary, events = enqueue_file(content, *options)
    assert (status, events) == (cli.USAGE, [])
    assert message in summary["error"]


def test_parquet_says_what_it_needs(enqueue_file: EnqueueFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    status, summary, _ = enqueue_file("PAR1", "--format", "parquet")
    assert status == cli.USAGE
    assert "pip install 'tiktok-events[parquet]'" in summary["error"]


def test_parquet_rows_are_read_like_those_of_csv(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    moment = datetime(2026, 9, 21, 14, tzinfo=timezone.utc)
    columns = {
        "order_id": ["1", "1", None],
        "price": [Decimal("1.50"), None, Decimal("2.00")],
        "timestamp": [moment, moment, None],
    }
    path = tmp_path / "orders.parquet"
    pa.parquet.write_table(pa.table(columns), path)
    with path.open("rb") as file:
        found = list(read_parquet(file, from_line=2, column="order_id"))
    assert [(row.line, row.event) for row in found] == [
        (2, {"order_id": "1", "timestamp": moment.isoformat()}),
        (3, {"price": "2.00"}),
    ]
    with path.open("rb") as file, pytest.raises(FormatError, match="no column event_id"):
        list(read_parquet(file, column="event_id"))
    with pytest.raises(FormatError, match="not a Parquet file"):
        list(read_parquet(io.BytesIO(b"event,email\nContact,ada@example.com")))


def test_value_per_is_for_orders_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["enqueue", "-", "--destination", "stores", "--value-per", "line"])
    assert ended.value.code == cli.USAGE
    assert "--value-per needs --group-by" in capsys.readouterr().err
