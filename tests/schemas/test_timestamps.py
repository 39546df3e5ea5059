"""Is every form of time read as the right second, or refused?"""

from __future__ import annotations

from typing import Any

import pytest

from schemas.timestamps import NotATimeError, lacks_zone, read_time


@pytest.mark.covers("segment/field/timestamp")
@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (1684574395, 1684574395),
        (1684574395.9, 1684574395),
        (1684574395123, 1684574395),
        ("1684574395", 1684574395),
        (" 1684574395 ", 1684574395),
        ("1684574395123", 1684574395),
        ("1684574395.5", 1684574395),
        (0, 0),
        (-1.5, -2),
        ("2023-05-20T09:19:55Z", 1684574395),
        ("2023-05-20T09:19:55.999Z", 1684574395),
        ("2023-05-20T09:19:55.123456789Z", 1684574395),
        ("2023-05-20T11:19:55+02:00", 1684574395),
        ("2023-05-20T11:19:55+0200", 1684574395),
        ("2023-05-20 09:19:55", 1684574395),
        ("2023-05-20 09:19:55 UTC", 1684574395),
        ("2023-05-20 11:19:55.000 +0200", 1684574395),
        ("2023-05-20", 1684540800),
        ("20230520", 1684540800),
        ("1999-12-31T23:59:59Z", 946684799),
    ],
)
def test_reads_every_form(written: Any, seconds: int) -> None:
    read = read_time(written)
    assert (read, type(read)) == (seconds, int)


@pytest.mark.parametrize(
    "written",
    [
        "garbage",
        "yesterday",
        "2023-13-01",
        "2023-02-30T00:00:00Z",
        "12/31/2023",
        "T",
        "1684574395123456",
        1684574395123456,
        10**400,
        float("nan"),
        float("inf"),
        True,
        {"seconds": 1},
        [1684574395],
        None,
        "0" * 5000,
    ],
)
def test_refuses_garbage(written: Any) -> None:
    with pytest.raises(NotATimeError):
        read_time(written)


@pytest.mark.parametrize(
    ("written", "lacks"),
    [
        ("2023-05-20T09:19:55", True),
        ("2023-05-20", True),
        ("20230520", True),
        ("2023-05-20T09:19:55Z", False),
        ("2023-05-20T09:19:55-03:00", False),
        ("2023-05-20 09:19:55 UTC", False),
        ("1684574395", False),
        (1684574395, False),
    ],
)
def test_knows_when_utc_was_assumed(written: Any, lacks: bool) -> None:
    assert lacks_zone(written) is lacks
