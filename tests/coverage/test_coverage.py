"""Is each statement of the partner pages done where the table says, and proved by a test?"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def coverage() -> Any:
    """The script that makes the page; it is no package."""
    spec = importlib.util.spec_from_file_location("docs_coverage", ROOT / "docs" / "coverage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its own module up
    spec.loader.exec_module(module)
    return module


def test_every_statement_is_well_formed(coverage: Any) -> None:
    pages, statements = coverage.read_statements()
    assert {each.page for each in statements} == set(pages)
    for each in statements:
        assert each.status in coverage.STATUSES, each.id
        assert each.says.endswith("."), each.id
        assert (each.status == "covered") == bool(each.code), each.id
        assert not each.code or (ROOT / each.code).is_file(), each.id
        assert each.note or each.status not in ("private", "outside"), f"{each.id}: say why"


def test_every_covered_statement_has_a_test(coverage: Any) -> None:
    _, statements = coverage.read_statements()
    proofs = coverage.read_markers()
    assert [each.id for each in statements if each.status == "covered" and each.id not in proofs] == []


def test_every_marker_names_a_covered_statement(coverage: Any) -> None:
    _, statements = coverage.read_statements()
    covered = {each.id for each in statements if each.status == "covered"}
    assert {each: tests for each, tests in coverage.read_markers().items() if each not in covered} == {}


def test_the_page_is_up_to_date(coverage: Any) -> None:
    page = coverage.render(*coverage.read_statements(), coverage.read_markers())
    assert coverage.PAGE.read_text() == page, "run docs/coverage.py"


def test_a_test_that_may_be_skipped_proves_nothing(coverage: Any, tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_x.py").write_text(
        "import pytest\n\n"
        "@pytest.mark.covers('a/1', 'a/2')\ndef test_runs(): ...\n\n"
        "@pytest.mark.skipif(True, reason='')\n@pytest.mark.covers('a/3')\ndef test_skipped(): ...\n"
    )
    assert coverage.read_markers(tests) == {
        "a/1": ["tests/test_x.py::test_runs"],
        "a/2": ["tests/test_x.py::test_runs"],
    }
