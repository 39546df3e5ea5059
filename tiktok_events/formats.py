"""Which formats may a file of events have?

A format is a function from an open binary file to rows. It reads as it goes and holds one row at a time, so that a
file may be of any size. ``from_line`` skips rows; ``column`` must be there, where the format has columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tiktok_events.csv_rows import read_csv
from tiktok_events.jsonl_rows import read_jsonl
from tiktok_events.parquet_rows import read_parquet
from tiktok_events.rows import Row

#: What ``--format`` may be.
FORMATS: dict[str, Callable[..., Iterator[Row]]] = {"csv": read_csv, "jsonl": read_jsonl, "parquet": read_parquet}
