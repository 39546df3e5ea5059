"""How is a result shown: as a table on a terminal, as Markdown, as JSON?"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from redis import Redis
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, Missing, Row, summary

_COLUMNS = ("what", "unit", "ours", "compared with", "its figure", "ratio (min…max)", "target", "met")


def _cells(row: Row) -> tuple[str, ...]:
    if isinstance(row, Missing):
        return row.name, "", "not measured", "", "", "", "", row.why
    met = {True: "yes", False: "**no**", None: ""}[row.is_met]
    ratio = summary(row.ratios) if row.other else ""
    target = str(row.target) if row.target else ""
    if target and not row.other:
        target += f" {row.unit}"
    return row.name, row.unit, summary(row.ours), row.against, summary(row.other), ratio, target, met


def print_table(rows: Sequence[Row], console: Console) -> None:
    """Print the result."""
    table = Table(*_COLUMNS)
    for row in rows:
        missed = isinstance(row, Figure) and row.is_met is False
        table.add_row(*(cell.replace("**", "") for cell in _cells(row)), style="red" if missed else None)
    console.print(table)
    missed_names = [row.name for row in rows if isinstance(row, Figure) and row.is_met is False]
    console.print(f"targets missed: {', '.join(missed_names) or 'none'}")


def markdown(rows: Sequence[Row]) -> str:
    """Return the result as a Markdown table."""
    lines = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def circumstances(redis: Redis, *, began: float, load: float) -> dict[str, Any]:
    """Return what a figure depends on beside the code; `load` is the load average when the run `began`."""
    return {
        "at": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(time.time() - began),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "system": platform.system(),
        "python": platform.python_version(),
        "redis-server": str(redis.info("server")["redis_version"]),
        **{name: version(name) for name in ("celery", "redis", "marshmallow", "requests", "orjson")},
        # What else ran shows in what was there before, and in the spread.
        "load before": round(load, 1),
    }


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def told(rows: Sequence[Row], conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result as JSON."""
    return {"conditions": dict(conditions), "rows": [row.told() for row in rows]}


def sentence(conditions: Mapping[str, Any]) -> str:
    """Return the circumstances as text."""
    return "; ".join(f"{name} {value}" for name, value in conditions.items())
