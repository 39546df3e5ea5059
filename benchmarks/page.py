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
        path = docs / page
        text = _PART.sub(lambda part: f"{part[1]}\n{parts[part[2]]}\n\n{part[3]}", path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
