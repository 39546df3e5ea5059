"""Does an event cost more when a long backlog waits behind it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.drain import drain
from benchmarks.figures import Figure, Row, Target, alternate
from benchmarks.ground import Ground
from benchmarks.plan import Plan
from benchmarks.subjects import Ours


def measure(ground: Ground, plan: Plan, tell: Callable[[str], None]) -> Iterator[Row]:
    """Deliver the first events of a long and of a short backlog in turn; yield the row."""
    short, long = plan.backlogs
    subject = Ours(bulk=True)

    def micros(count: int) -> float:
        tell(f"backlog of {count:,}")
        return 1e6 / drain(ground, subject, count, upto=plan.backlog_part).rate

    longs, shorts = alternate(plan.pairs, lambda: micros(long), lambda: micros(short))
    name = f"time of an event with a backlog of {long:,}"
    yield Figure(name, "µs/event", tuple(longs), tuple(shorts), f"backlog of {short:,}", Target(0.85, 1.15))
