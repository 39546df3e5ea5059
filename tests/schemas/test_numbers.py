"""Are numbers read as the shop meant them, or refused?"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.numbers import NotANumberError, read_integer, read_number


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (0, 0),
        (0.0, 0.0),
        (-4, -4),
        (12.3, 12.3),
        ("0", 0),
        ("46.5", 46.5),
        (" 46.5 ", 46.5),
        ("+5", 5),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        # A single dot is the decimal point, as in JSON.
        ("1.234", 1.234),
        # A decimal comma.
        ("12,30", 12.3),
        ("-12,30", -12.3),
        ("0,123", 0.123),
        ("1234,567", 1234.567),
        ("1,5", 1.5),
        # Two kinds of separator: the last one is the decimal one.
        ("1.234,56", 1234.56),
        ("1,234.56", 1234.56),
        ("-1.234.567,8", -1234567.8),
        ("1.234,567", 1234.567),
        ("1 234,56", 1234.56),
        ("1\u202f234,56", 1234.56),
        ("1\xa0234\xa0567", 1234567),
        ("1'234.50", 1234.5),
        # A separator that comes twice groups by three.
        ("1.234.567", 1234567),
        ("1,234,567", 1234567),
    ],
)
def test_reads_what_was_meant(written: Any, number: float) -> None:
    assert read_number(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "1,234",  # a thousand or a little more than one: nobody can tell
        "-1,234",
        "999,000",
        "N/A",
        "abc",
        "12 EUR",
        "$12",
        "1,23.4",
        "1.23,4.5",
        "12.34.56",
        "1,234.567.8",
        "1,2345,678",
        "1.234,56,78",
        "--1",
        "1-",
        "0x10",
        "1_000",
        "NaN",
        "Infinity",
        "-inf",
        "1e999",
        "１２",
        "²",
        "1,²",
        "9" * 65,
        math.nan,
        math.inf,
        -math.inf,
        True,
        False,
        2**63,
        -(2**63) - 1,
        [1],
        {"amount": 1},
        None,
    ],
)
def test_refuses_what_would_be_a_guess(written: Any) -> None:
    with pytest.raises(NotANumberError):
        read_number(written)


@pytest.mark.parametrize(("written", "number"), [(2, 2), (2.0, 2), ("2", 2), ("2,0", 2), ("-1", -1), (0, 0)])
def test_a_whole_number_may_be_written_otherwise(written: Any, number: int) -> None:
    read = read_integer(written)
    assert (read, type(read)) == (number, int)


@pytest.mark.parametrize("written", [2.5, "2,5", "2.5", True, 1e30, "1e30"])
def test_a_broken_number_is_not_whole(written: Any) -> None:
    with pytest.raises(NotANumberError):
        read_integer(written)


@given(st.text(alphabet="0123456789.,' +-eE\xa0", max_size=20))
def test_any_digits_and_marks_are_a_finite_number_or_refused(text: str) -> None:
    with suppress(NotANumberError):
        assert math.isfinite(read_number(text))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_writes_is_read_back(number: float) -> None:
    assert read_number(repr(number)) == number
