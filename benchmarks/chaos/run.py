"""How does one run go: start everything, enqueue, kill and disturb, wait until all is settled, count?"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from benchmarks.chaos.account import account
from benchmarks.chaos.events import events
from benchmarks.chaos.fleet import Fleet
from benchmarks.chaos.producer import Producing
from benchmarks.chaos.report import Kills, Report, versions
from benchmarks.chaos.server import RedisServer
from benchmarks.chaos.subject import CONCURRENCY, WORKERS, Subject, Surroundings
from benchmarks.chaos.tiktok import TikTok

_GIVES_UP_SECONDS = 120.0
"""Without any change for this long, what is left is stuck."""

_BETWEEN_BURSTS_SECONDS = 12.0

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many events, how many kills of what, how far apart in seconds, and for how long at most."""

    events: int
    worker_kills: int
    redis_kills: int
    seed: int
    between_seconds: float = 4.0
    limit_seconds: float = 3600.0

    @property
    def seconds(self) -> float:
        """How long the disturbances take, about."""
        return self.between_seconds * (self.worker_kills + self.redis_kills + 1)


class Run:
    """One subject under one plan. `watch` is told (what happens, settled events, all events) now and then."""

    def __init__(self, plan: Plan, make: Callable[[Surroundings], Subject], folder: Path, *, watch: Watch) -> None:
        self._plan = plan
        self._make = make
        self._folder = folder
        self._watch = watch
        self._chance = random.Random(f"run:{plan.seed}")
        self._workers = self._children = self._redis = self._caught = 0
        self._ended = 0
        self._throttled_at = 0.0

    def __call__(self) -> Report:
        """Run it; everything that was started has ended when this returns."""
        with ExitStack() as stack:
            return self._run(stack)

    def _run(self, stack: ExitStack) -> Report:
        plan, started = self._plan, time.monotonic()
        self._deadline = started + plan.limit_seconds
        self._server = stack.enter_context(RedisServer(self._folder / "redis"))
        self._tiktok = stack.enter_context(TikTok(self._folder, seed=plan.seed))
        where = Surroundings(self._server.url, self._tiktok.url, self._folder)
        self._subject = stack.enter_context(closing(self._make(where)))
        self._fleet = stack.enter_context(
            Fleet(
                self._subject.application,
                count=WORKERS,
                concurrency=CONCURRENCY,
                environment=self._subject.environment(),
                folder=self._folder,
            )
        )
        self._producing = Producing(
            events(plan.events, seed=plan.seed, now=time.time()),
            self._subject.store,
            count=plan.events,
            seconds=plan.seconds,
            chance=random.Random(f"producer:{plan.seed}"),
        )
        self._producing.start()
        stack.callback(self._producing.join)
        stack.callback(self._producing.stop)
        self._disturb()
        finished = self._settle()
        return self._report(time.monotonic() - started, finished=finished)

    def _disturb(self) -> None:
        kinds = ["redis"] * self._plan.redis_kills
        # Every third kill takes a pool child alone.
        kinds += ["child" if number % 3 == 2 else "worker" for number in range(self._plan.worker_kills)]
        self._chance.shuffle(kinds)
        for kind in kinds:
            self._wait(self._plan.between_seconds * self._chance.uniform(0.5, 1.5), kind)
            self._tiktok.turn(self._chance)
            self._throttle()
            if kind == "redis":
                self._restart_redis()
            else:
                self._kill(kind)

    def _throttle(self) -> None:
        """Throttle a request or two, not too often: four in a row would mean the penalty of the minute's limit."""
        if time.monotonic() - self._throttled_at > _BETWEEN_BURSTS_SECONDS:
            self._throttled_at = time.monotonic()
            self._tiktok.throttle(self._chance.randint(1, 2))

    def _kill(self, kind: str) -> None:
        holders = self._holders()
        if kind == "child":
            self._fleet.kill_child(self._chance, holders or frozenset())
            self._children += 1
        else:
            self._fleet.kill_worker(self._chance, holders or frozenset())
            self._workers += 1
        self._caught += bool(holders)

    def _holders(self) -> frozenset[int] | None:
        """Wait a moment until some process holds events, so that a kill hits."""
        holders = self._subject.holders()
        end = time.monotonic() + 2
        while holders is not None and not holders and time.monotonic() < end:
            time.sleep(0.005)
            holders = self._subject.holders()
        return holders

    def _restart_redis(self) -> None:
        self._server.kill()
        time.sleep(self._chance.uniform(0.1, 1.5))
        self._server.start()
        self._redis += 1

    def _wait(self, seconds: float, kind: str) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._ended += self._fleet.revive()
            self._watch(f"next: {kind}", *self._settled())
            time.sleep(min(left, 0.5))

    def _settle(self) -> bool:
        """Wait until the queue is empty and stays so; return False when it gives up."""
        last: tuple[int, int, int] | None = None
        since = time.monotonic()
        while time.monotonic() < self._deadline:
            self._ended += self._fleet.revive()
            settled, _ = self._settled()
            try:
                now = (settled, len(self._producing.acknowledged), self._subject.unsettled())
            except RedisError:
                now = (settled, 0, -1)
            if now != last or self._producing.is_alive():
                last, since = now, time.monotonic()
            quiet = time.monotonic() - since
            if now[2] == 0 and quiet >= self._subject.quiet_seconds:
                return True
            if quiet >= max(_GIVES_UP_SECONDS, self._subject.quiet_seconds):
                return False
            self._watch(f"settling: {now[2]} to go", *self._settled())
            time.sleep(0.2)
        return False

    def _settled(self) -> tuple[int, int]:
        return int(self._tiktok.stats()["unique_events"]), self._plan.events

    def _report(self, seconds: float, *, finished: bool) -> Report:
        self._producing.stop()
        self._producing.join()
        if self._producing.failure is not None:
            raise self._producing.failure
        stats = self._tiktok.stats()
        after_lost, after_kill = self._tiktok.repeats()
        kills = Kills(self._workers, self._children, self._redis)
        slots = kills.workers * CONCURRENCY + kills.children + kills.redis * WORKERS * CONCURRENCY
        knows_holders = self._subject.holders() is not None
        return Report(
            subject=self._subject.name,
            seed=self._plan.seed,
            account=account(
                self._producing.acknowledged,
                deliveries=self._tiktok.deliveries(),
                dead=self._subject.dead(),
                unsettled=self._subject.unsettled(),
            ),
            kills=kills,
            caught=self._caught if knows_holders else -1,
            requests=stats["requests"],
            failed_requests=sum(stats["refused_requests"].values()),
            duplicates_after_lost_answer=after_lost,
            duplicates_after_kill=after_kill,
            duplicates_bound=slots * self._subject.under_way + self._producing.sent_again,
            ended_by_themselves=self._ended,
            seconds=round(seconds, 1),
            finished=finished,
            versions=versions(self._server.version()),
        )
