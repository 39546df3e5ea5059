"""What does it cost when the events are spread over very many destinations?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.drain import drain
from benchmarks.figures import Figure, Missing, Row, Target, alternate
from benchmarks.ground import DESTINATION, Ground
from benchmarks.order import orders
from benchmarks.plan import Plan
from benchmarks.processes import Group
from benchmarks.subjects import Ours
from tiktok_events import Producer
from worker.keys import Keys

_DESTINATIONS = 1_000
_EVENTS_EACH = 10


class _Spread:
    """Our worker, the events in equal parts in many inboxes."""

    name = "many destinations"

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def fill(self, ground: Ground, count: int) -> None:
        """Enqueue each destination's part."""
        part = count // len(self._names)
        with Producer(ground.redis_url) as producer:
            for number, name in enumerate(self._names):
                producer.enqueue_many(orders(part, first=number * part), destination=name)

    def workers(self, ground: Ground) -> Group:
        """Return one Celery worker."""
        return Ours(bulk=True).workers(ground)

    def left(self, ground: Ground) -> int:
        """Return what is in the inboxes."""
        pipe = ground.redis.pipeline(transaction=False)
        for name in self._names:
            pipe.xlen(Keys(name).inbox)
        return sum(pipe.execute())


def measure(ground: Ground, plan: Plan, tell: Callable[[str], None]) -> Iterator[Row]:
    """Drain many inboxes and a single one in turn; yield the row."""
    name = f"{_DESTINATIONS:,} destinations, {_EVENTS_EACH} events each"
    if not plan.is_full:
        yield Missing(name, "only in a full run")
        return
    names = [f"shop-{number}" for number in range(_DESTINATIONS)]
    count = _DESTINATIONS * _EVENTS_EACH

    def spread() -> float:
        tell("many destinations")
        ground.write_configuration(*names)
        return drain(ground, _Spread(names), count).rate

    def single() -> float:
        tell("a single destination")
        ground.write_configuration(DESTINATION)
        return drain(ground, Ours(bulk=True), count).rate

    many, one = alternate(plan.pairs, spread, single)
    ground.write_configuration(DESTINATION)
    yield Figure(name, "events/s", tuple(many), tuple(one), "one destination", Target(least=0.5))
