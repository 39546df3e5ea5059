"""A result reaches the pages: table, chart and model, each in its place."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import page
from benchmarks.capacity import Model, model_of
from benchmarks.chaos.fleet import ROOT
from benchmarks.figures import Figure, Missing, Row, Target

CONDITIONS = {"cores": 2, "python": "3.11"}


def _rows() -> list[Row]:
    pairs = (1.0, 2.0, 3.0)
    return [
        Figure(
            "throughput, against the limit", "events/s", (9_000.0,) * 3, (50_000.0,) * 3, "limit", Target(least=0.75)
        ),
        Figure("CPU of worker, full inbox", "µs/event", (160.0,) * 3, pairs, "limit", None),
        Figure("CPU of redis, full inbox", "µs/event", (30.0,) * 3, pairs, "limit", None),
        Figure("CPU of sink, full inbox", "µs/event", (10.0,) * 3, pairs, "limit", None),
        Figure("Redis memory, enqueue", "bytes/event", (1500.0,) * 3, pairs, "message", Target(most=0.42)),
        Missing("encryption", "there is none"),
    ]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    for name in ("benchmarks.md", "capacity.md"):
        shutil.copy(ROOT / "docs" / name, tmp_path)
    return tmp_path


def test_every_part_of_the_pages_is_written_and_can_be_written_again(docs: Path) -> None:
    page.write(_rows(), CONDITIONS, docs=docs)
    first = [(docs / name).read_text() for name in ("benchmarks.md", "capacity.md")]
    page.write(_rows(), CONDITIONS, docs=docs)
    assert [(docs / name).read_text() for name in ("benchmarks.md", "capacity.md")] == first
    assert "| throughput, against the limit | events/s | 9,000 (9,000…9,000) |" in first[0]
    assert "| ≥ 0.75 | **no** |" in first[0]
    assert "| encryption |  | not measured |  |  |  |  | there is none |" in first[0]
    assert "the model gives 10,000 events/s; measured were 9,000 (90%)" in first[1]
    assert "not measured yet" not in "".join(first)


def test_json_says_what_was_missed_and_what_was_not_measured(docs: Path) -> None:
    page.write(_rows(), CONDITIONS, docs=docs)
    told = json.loads((docs / "benchmarks.json").read_text())
    assert told["conditions"] == CONDITIONS
    assert told["rows"][0]["met"] is False
    assert told["rows"][-1] == {"name": "encryption", "not_measured": "there is none"}


def test_the_chart_is_well_formed_and_its_longest_bar_is_the_fastest(docs: Path) -> None:
    page.write(_rows(), CONDITIONS, docs=docs)
    root = ElementTree.fromstring((docs / "benchmarks.svg").read_text())
    widths = [float(bar.attrib["width"]) for bar in root.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert len(widths) == 2
    assert widths[0] > widths[1] > 0


def test_the_model_adds_up_where_everything_shares_cores_and_ends_at_redis() -> None:
    model = Model(worker=150, redis=40, sink=10)
    assert model.rate_on(2) == 10_000
    assert model.rate_on(1000) == model.rate_of_redis() == 25_000


def test_there_is_no_model_without_an_account_of_cpu() -> None:
    assert model_of({row.name: row for row in _rows()[:2] if isinstance(row, Figure)}) is None


def test_a_part_written_alone_leaves_the_others(docs: Path) -> None:
    path = docs / "benchmarks.md"
    before = path.read_text()
    page.put({"profile": "| the profile |"}, path)
    after = path.read_text()
    assert "<!-- measured: profile -->\n\n| the profile |\n\n<!-- end of measured -->" in after
    without = re.compile(r"(<!-- measured: profile -->).*?(<!-- end of measured -->)", re.DOTALL)
    assert without.sub("", after) == without.sub("", before)
    page.write(_rows(), CONDITIONS, docs=docs)
    assert "| the profile |" in path.read_text()
