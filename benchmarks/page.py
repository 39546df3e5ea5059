"""What of a result goes into docs/: the table, the chart, the capacity model?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import capacity
from benchmarks.chaos.fleet import ROOT
from benchmarks.chart import bars
from benchmarks.figures import Figure, Row
from benchmarks.report import markdown, sentence, told

_DOCS = ROOT / "docs"
_PART = re.compile(r"(<!-- measured: ([a-z-]+) -->\n).*?(<!-- end of measured -->)", re.DOTALL)
_BARS = (
    # label, row, whether ours or the other's figure is shown
    ("limit", "throughput, against the limit", False),
    ("ours", "throughput, against the limit", True),
    ("celery-batches", "throughput, against celery-batches", False),
    ("one task per event", "throughput, against the naive task", False),
)


def write(rows: Sequence[Row], conditions: Mapping[str, Any], *, docs: Path = _DOCS) -> None:
    """Write JSON and chart, and put the table and the model between the markers of their pages."""
    figures = {row.name: row for row in rows if isinstance(row, Figure)}
    (docs / "benchmarks.json").write_text(json.dumps(told(rows, conditions), indent=1) + "\n", encoding="utf-8")
    shown = [
        (label, median(figures[name].ours if is_ours else figures[name].other), is_ours)
        for label, name, is_ours in _BARS
        if name in figures
    ]
    title = "Events a second from a full inbox, two worker slots on two cores"
    (docs / "benchmarks.svg").write_text(bars(title, shown), encoding="utf-8")
    parts = {
        "conditions": sentence(conditions),
        "table": markdown(rows),
        "capacity": capacity.markdown(figures, cores=int(conditions["cores"])),
    }
    for page in ("benchmarks.md", "capacity.md"):
        put(parts, docs / page)


def put(parts: Mapping[str, str], page: Path = _DOCS / "benchmarks.md") -> None:
    """Put each part between its markers, where the page has them; what is between other markers stays."""

    def filled(found: re.Match[str]) -> str:
        return f"{found[1]}\n{parts[found[2]]}\n\n{found[3]}" if found[2] in parts else found[0]

    page.write_text(_PART.sub(filled, page.read_text(encoding="utf-8")), encoding="utf-8")
