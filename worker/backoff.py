"""How long to wait before the next attempt."""

from __future__ import annotations

import random


def delay_seconds(attempts: int, *, least: float, most: float, draw: float | None = None) -> float:
    """Return the wait after `attempts` failed attempts (1 or more), in seconds.

    Exponential from `least`, capped at `most`, drawn from the upper half: jitter stays at the cap, where many
    events would otherwise come back at once, and no draw makes a wait short enough to hammer a sick endpoint.

    `draw` in [0, 1) stands in for chance in tests.
    """
    # Past 2**62 the cap has long been reached, and a float power would overflow.
    ceiling = min(most, least * 2.0 ** min(attempts - 1, 62))
    chance = random.random() if draw is None else draw
    return ceiling * (0.5 + chance / 2)
