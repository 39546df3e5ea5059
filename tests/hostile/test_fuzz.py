"""The fuzzing run works: it counts its inputs, and it finds what is planted. `make fuzz` runs it for longer."""

from __future__ import annotations

import re

import pytest

from benchmarks import fuzz


def test_a_short_run_finds_nothing_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--seconds", "4"]) == 0
    found = re.match(r"([\d,]+) inputs", capsys.readouterr().out)
    assert found
    assert int(found[1].replace(",", "")) > 100


@pytest.mark.parametrize("planted", ["raises", "repeats"])
def test_it_finds_what_raises_and_what_repeats_a_value(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        if planted == "raises":
            raise KeyError
        return f"bad value {fuzz.CANARY}"

    monkeypatch.setattr(fuzz, "feed", broken)
    assert fuzz.main(["--seconds", "1"]) == 1
