"""Where do lines go that cannot be enqueued?

On the terminal only their numbers and the rules they break appear, for their text is personal data.
The file that a person asks for holds the lines too, so that they can be mended and enqueued.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tiktok_events.rows import Row

_SHOWN = 20


class Rejects:
    """Reports rejected lines, and keeps them in a file if there is one.

    Args:
        path: the file, one JSON object ``{line, fault, raw}`` a line; it is appended to, so that a
            run that goes on after a stop keeps what the first one wrote.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = None if path is None else os.fdopen(_private(path), "a", encoding="utf-8")
        self._count = 0

    def __enter__(self) -> Rejects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: Row, fault: str, note: Callable[[str], None]) -> None:
        """Reports one line; after the first twenty only the file goes on."""
        self._count += 1
        if self._count <= _SHOWN:
            note(f"line {row.line}: {fault}")
        elif self._count == _SHOWN + 1:
            note("more lines were rejected" + ("" if self._path else "; --rejects OUT keeps them all"))
        if self._file is not None:
            raw = None if row.raw is None else row.raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
            self._file.write(json.dumps({"line": row.line, "fault": fault, "raw": raw}) + "\n")
            self._file.flush()


def _private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
