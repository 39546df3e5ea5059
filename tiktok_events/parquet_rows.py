"""Which rows does a Parquet file hold? Read with pyarrow, which is needed for nothing else and so is optional."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

from tiktok_events.csv_rows import require_column
from tiktok_events.rows import FormatError, Row

_BATCH_ROWS = 1000


def read_parquet(file: BinaryIO, *, from_line: int = 1, column: str | None = None) -> Iterator[Row]:
    """Yields the rows from a number on; rows are counted from 1, like lines.

    Raises:
        FormatError: pyarrow is not installed, the file is no Parquet file or a pipe, or it lacks ``column``.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise FormatError(
            "Parquet needs pyarrow, which is not installed: pip install 'tiktok-events[parquet]'"
        ) from None
    if not file.seekable():
        raise FormatError("Parquet cannot be read from a pipe; name a file")
    try:
        table = parquet.ParquetFile(file)
    except Exception as error:
        # Of pyarrow's many errors only the kind is told: their texts may hold what stands in the file.
        raise FormatError(f"not a Parquet file ({type(error).__name__})") from None
    require_column(table.schema_arrow.names, column)
    total, size = table.metadata.num_rows, file.seek(0, 2)
    number = 0
    for batch in table.iter_batches(batch_size=_BATCH_ROWS):
        if number + batch.num_rows < from_line:
            number += batch.num_rows
            continue
        for values in batch.to_pylist():
            number += 1
            if number >= from_line:
                # Where a row ends in the file nobody can say; its share shows the progress as well.
                yield _row(number, size * number // total, values)


def _row(number: int, end: int, values: dict[str, Any]) -> Row:
    event = {name: _plain(value) for name, value in values.items() if value is not None}
    raw = json.dumps(event, default=repr, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Row(number, end, raw, event or None, "" if event else "every column is empty")


def _plain(value: Any) -> Any:
    """Returns a value as JSON has it; what it has no form for the encoder names."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
