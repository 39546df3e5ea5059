"""What do workers that join and leave under load cost? Every event is accounted for by its id."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.ground import DESTINATION, Ground, UnfinishedError, wait
from benchmarks.order import orders
from benchmarks.workforce import Workforce
from tiktok_events import Producer
from worker.overview import look
from worker.sandbox import Sandbox

_SETTINGS = """batch_size = 20
timeout = "1s"
take_back_after = "3s"
[destinations.stores.rate_limit]
requests_per_second = 20
requests_per_minute = 1200
"""
"""Slow enough that there is something to do for as long as workers come and go."""
_WORKERS = 5
_PATIENCE_SECONDS = 120.0
_CHANGES = "jtkjtkjtk"
"""Join, leave (SIGTERM), be killed (SIGKILL): three of each."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """What became of the events while workers came and went."""

    events: int
    lost: int
    repeated: int
    """Sent again with the same id, which TikTok drops."""
    in_hand: int
    """How many events all workers had in hand at the moments of the kills: no more can be repeated."""

    def told(self) -> str:
        """Return it as a sentence."""
        return (
            f"Workers that join and leave under load ({_CHANGES.count('j')} joined, {_CHANGES.count('t')} were ended by"
            f" SIGTERM, {_CHANGES.count('k')} by SIGKILL): of {self.events:,} events {self.lost} were lost and"
            f" {self.repeated} were sent twice, of {self.in_hand:,} that were in hand when one was killed."
        )


def turnover(ground: Ground, events: int) -> Turnover:
    """Deliver events while workers come and go.

    Raises:
        UnfinishedError: they do not all arrive.
    """
    with Sandbox() as tiktok:
        tiktok.fault("slow", seconds=0.005)
        ground.clear()
        ground.write_configuration(DESTINATION, settings=_SETTINGS, url=tiktok.url)
        in_hand = 0
        with Workforce(ground.environment(), ground.folder / "turnover.log", count=_WORKERS) as workforce:
            wait(lambda: workforce.are_ready(ground.redis), seconds=60, what="start of the workers")
            with Producer(ground.redis_url, max_inbox=events) as producer:
                ids = set(producer.enqueue_many(orders(events), destination=DESTINATION))
            for number, change in enumerate(_CHANGES):
                part = events * (number + 1) // (len(_CHANGES) + 2)
                _wait_for(tiktok, part, every=0.01)
                if change == "j":
                    workforce.join()
                elif change == "t":
                    workforce.leave()
                else:
                    workforce.die()
                    in_hand += look(ground.redis, DESTINATION, now=0.0).in_flight
            _wait_for(tiktok, events, every=0.2)
            wait(lambda: not _left(ground), seconds=_PATIENCE_SECONDS, what="turnover: settling")
        came = tiktok.deliveries
    if set(came) - ids:
        raise UnfinishedError("turnover: events arrived that nobody enqueued")
    return Turnover(len(ids), len(ids - set(came)), sum(times - 1 for times in came.values()), in_hand)


def _wait_for(tiktok: Sandbox, events: int, *, every: float) -> None:
    wait(lambda: len(tiktok.deliveries) >= events, seconds=_PATIENCE_SECONDS, what="turnover", every=every)


def _left(ground: Ground) -> int:
    found = look(ground.redis, DESTINATION, now=0.0)
    return found.waiting + found.in_flight + found.scheduled
