"""Is TikTok's renaming of 2025 undone and redone without touching any other name?"""

from __future__ import annotations

import pytest

from schemas import STANDARD_EVENTS
from schemas.currencies import CURRENCIES
from schemas.event_names import OFFLINE_EVENTS, in_style

RENAMED = {"CompletePayment": "Purchase", "SubmitForm": "Lead"}


@pytest.mark.parametrize("name", sorted(STANDARD_EVENTS - RENAMED.keys() - set(RENAMED.values())))
def test_other_names_have_one_spelling(name: str) -> None:
    assert in_style(name, "current") == in_style(name, "legacy") == name


@pytest.mark.parametrize(("legacy", "current"), RENAMED.items())
def test_renamed_names_go_both_ways(legacy: str, current: str) -> None:
    assert in_style(legacy, "current") == in_style(current, "current") == current
    assert in_style(legacy, "legacy") == in_style(current, "legacy") == legacy


def test_the_pixels_page_view_is_no_offline_event() -> None:
    assert {"Pageview", "PageView"} & OFFLINE_EVENTS == set()
    assert "Pageview" in STANDARD_EVENTS


def test_currencies_are_tiktoks_62() -> None:
    assert len(CURRENCIES) == 62
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)
