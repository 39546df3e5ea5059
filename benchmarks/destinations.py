"""What does it cost when the events are spread over very many destinations?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.drain import drain
from benchmarks.figures import Figure, Missing, Row, Target, alternate
from benchmarks.ground import DESTINATION, Ground
from benchmarks.order import orders
from benchmarks.plan import Plan
from benchmarks.processes import Group
from benchmarks.subjects import Limit, Ours, Subject
from tiktok_events import Producer
from worker.keys import Keys

_DESTINATIONS = 1_000
_FEW, _SOME = 10, 100
"""Events of each, and so of each request."""


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
    """Drain many inboxes, a single one, and a stream by requests as small as the many's, in turn; yield the rows."""
    few, some = (f"{_DESTINATIONS:,} destinations, {each} events each" for each in (_FEW, _SOME))
    if not plan.is_full:
        yield Missing(few, "only in a full run")
        yield Missing(some, "only in a full run")
        return
    names = [f"shop-{number}" for number in range(_DESTINATIONS)]

    def rate(subject: Subject, *names: str, each: int) -> Callable[[], float]:
        def measured() -> float:
            tell(f"{subject.name}, {each} events each")
            ground.write_configuration(*names)
            return drain(ground, subject, _DESTINATIONS * each).rate

        return measured

    spread, single = _Spread(names), Ours(bulk=True)
    many, one = alternate(plan.pairs, rate(spread, *names, each=_FEW), rate(single, DESTINATION, each=_FEW))
    small = [rate(Limit(_FEW), DESTINATION, each=_FEW)() for _ in range(plan.pairs)]
    many_more, one_more = alternate(plan.pairs, rate(spread, *names, each=_SOME), rate(single, DESTINATION, each=_SOME))
    ground.write_configuration(DESTINATION)
    yield Figure(few, "events/s", tuple(many), tuple(one), "one destination", Target(least=0.5))
    yield Figure(few, "events/s", tuple(many), tuple(small), f"limit, {_FEW} a request", None)
    yield Figure(f"limit, {_FEW} a request", "events/s", tuple(small), tuple(one), "one destination of ours", None)
    yield Figure(some, "events/s", tuple(many_more), tuple(one_more), "one destination", Target(least=0.5))
