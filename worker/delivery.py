"""How one batch goes from the streams to TikTok and is settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from schemas import EventMapper, Item, RequestKey
from schemas.consent import NO_CONSENT
from worker import limiter as permits
from worker.alerts import Alerts
from worker.breaker import Breaker
from worker.client import TikTokClient
from worker.config import Destination, Secret
from worker.errors import Outcome, Verdict
from worker.fates import fate
from worker.grouping import encode_early, group, path_of, request
from worker.guard import Guard, holds_back
from worker.inbox import Claimed
from worker.isolation import Isolation
from worker.keys import Keys
from worker.ledger import Ledger, digest
from worker.limiter import Limiter, Permit
from worker.metrics import Meter
from worker.outcomes import Outcomes
from worker.pauses import Pauses
from worker.people import PeopleIndex
from worker.posts import Post
from worker.preparation import Prepared, prepare
from worker.scripts import run_many
from worker.settled import Settled
from worker.settlement import Dead, Done, Fate, Later, Settlement, call
from worker.tokens import Tokens, is_renewable

_SHORT_WAIT_SECONDS = 0.25
"""A wait for the rate limit that is shorter than this is slept through; a longer one gives the slot away."""

_NO_TOKEN_WAIT_SECONDS = 5.0
"""How long nothing is sent when the server that renews tokens does not answer."""

_ALREADY = Verdict(Outcome.DELIVERED, message="in the ledger")
_DUPLICATE = Done("duplicate")


@dataclass(slots=True)
class Readied:
    """A claimed batch as far as it is decided before anything is sent. `started` is Unix seconds."""

    batch: Sequence[Claimed]
    started: float
    settlement: Settlement = field(default_factory=Settlement)
    ready: list[Prepared] = field(default_factory=list)


@dataclass(slots=True)
class Sending:
    """What is learned while a batch is sent."""

    deadline: float
    posts: list[Post] = field(default_factory=list)
    served: int = 0
    failures: int = 0
    stopped: bool = False
    lent: tuple[str, Permit] | None = None
    """A permit that was asked for ahead, and for which limit."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Everything it takes to deliver the events of one destination."""

    destination: Destination
    mapper: EventMapper
    redis: Redis
    keys: Keys
    client: TikTokClient
    tokens: Tokens
    limiter: Limiter
    breaker: Breaker
    pauses: Pauses
    ledger: Ledger
    guard: Guard
    alerts: Alerts
    outcomes: Outcomes
    meter: Meter
    people: PeopleIndex
    worker: str
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def deliver(self, batch: Sequence[Claimed]) -> int:
        """Send a claimed batch and settle every event of it; return how many events were settled."""
        return self.finish(self.prepared(batch))

    def prepared(self, batch: Sequence[Claimed]) -> Readied:
        """Validate, map and hash a claimed batch: all that costs CPU and waits for nobody."""
        kind = self.destination.mapping.kind
        readied = Readied(batch, self.clock())
        self.meter.claimed(kind, len(batch))
        for claimed in batch:
            prepared = prepare(claimed, self.destination, self.mapper, now=readied.started)
            if isinstance(prepared, Prepared):
                encode_early(self.destination, prepared.items)
                readied.ready.append(prepared)
            else:
                readied.settlement.fates.append((claimed, prepared))
        self.meter.stage(kind, "prepare", self.clock() - readied.started)
        return readied

    def finish(self, readied: Readied) -> int:
        """Send what is ready and settle the whole batch; return how many events were settled. Any thread may do it.

        A crash anywhere in here leaves the events pending: another worker takes them back and sends them again,
        and TikTok drops what it had taken already.
        """
        settlement, kind, started = readied.settlement, self.destination.mapping.kind, self.clock()
        posts = self._send(readied.ready, settlement, readied.started)
        self.meter.stage(kind, "send", self.clock() - started)
        self._hold_back_if_too_many_die(settlement)
        settled = self._settle(settlement)
        self._tell(settlement, settled, posts, readied.started)
        now = self.clock()
        self.meter.settled(kind, len(readied.batch), age_seconds(readied.batch, now))
        return settled

    def _send(self, ready: Sequence[Prepared], settlement: Settlement, started: float) -> list[Post]:
        items = [item for prepared in ready for item in prepared.items]
        digests = [digest(item) for item in items]
        verdicts: list[Verdict | None] = [None] * len(items)
        sending = Sending(deadline=started + self.destination.take_back_after_seconds / 2)
        groups = group(items)
        known = self._look_up(digests, groups, sending, started)
        if known:
            forced = [prepared.claimed.envelope.forced for prepared in ready for _ in prepared.items]
            for place in known:
                if not forced[place]:
                    verdicts[place] = _ALREADY
        for key, places in groups.items():
            if sending.stopped:
                break
            members = [place for place in places if verdicts[place] is None] if known else places
            for first in range(0, len(members), self.destination.batch_size):
                if sending.stopped:
                    break
                part = members[first : first + self.destination.batch_size]
                for place, verdict in self._send_group(key, [items[place] for place in part], sending).items():
                    verdicts[part[place]] = verdict
                    if verdict.outcome is Outcome.DELIVERED:
                        settlement.delivered.append(digests[part[place]])
        settlement.count("requests", len(sending.posts))
        settlement.served += sending.served
        self._decide(ready, verdicts, settlement)
        return sending.posts

    def _look_up(
        self, digests: Sequence[bytes], groups: dict[RequestKey, list[int]], sending: Sending, now: float
    ) -> list[int]:
        """Return the places of what was delivered already. The first permit is asked for in the same round trip: what
        is known already is rare, and a permit too many costs little."""
        asking = self.ledger.asking(digests, now=now)
        if asking is None:
            return []
        (key, places), *_ = groups.items()
        limit = self._limit(key, path_of(self.destination, min(len(places), self.destination.batch_size)))
        answers = run_many(self.redis, [asking, permits.asking(limit, self.destination.rate_limit)])
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise answer
        known: list[int]
        known, permit = answers
        sending.lent = (limit, permits.permit_of(permit))
        return known

    def _limit(self, key: RequestKey, path: str) -> str:
        return permits.scope(self.destination.credentials.fingerprint(), key.event_source_id, path)

    def _send_group(self, key: RequestKey, items: Sequence[Item], sending: Sending) -> dict[int, Verdict]:
        """Send items that share a request; return the verdict of each that got one."""

        def send(part: Sequence[Item]) -> Verdict:
            return self._request(key, part, sending)

        def may_go_on() -> bool:
            return self.clock() < sending.deadline

        isolation = Isolation(send, may_go_on)
        return isolation.deliver(items)

    def _request(self, key: RequestKey, items: Sequence[Item], sending: Sending) -> Verdict:
        path, told = request(self.destination, key, items)
        token = self.tokens.current()
        if isinstance(token, Verdict):
            return self._without_token(token, sending)
        limit = self._limit(key, path)
        permit = self._permit(limit, sending)
        while 0 < permit.wait_seconds <= _SHORT_WAIT_SECONDS and self.clock() < sending.deadline:
            self.sleep(permit.wait_seconds)
            permit = self.limiter.ask(limit, self.destination.rate_limit)
        if permit.wait_seconds > 0:
            own = Verdict(Outcome.THROTTLED, message="our own rate limit")
            return self._throttled(permit.wait_seconds, own, sending)
        if self.clock() >= sending.deadline:
            # Renewing a token, or a process that stood still: somebody may think by now that this worker is dead.
            return self._throttled(0.0, Verdict(Outcome.THROTTLED, message="no time was left"), sending)
        url = urljoin(self.destination.base_url, path)
        verdict = self._noted(url, told, token, len(items), sending)
        if is_renewable(verdict):
            fresh = self.tokens.renewed(token)
            if isinstance(fresh, Verdict):
                return self._without_token(fresh, sending)
            if fresh is not None and self.clock() >= sending.deadline:
                return self._throttled(0.0, Verdict(Outcome.THROTTLED, message="the token was renewed"), sending)
            if fresh is not None:
                verdict = self._noted(url, told, fresh, len(items), sending)
        return self._react(verdict, limit, permit, sending)

    def _permit(self, limit: str, sending: Sending) -> Permit:
        lent, sending.lent = sending.lent, None
        return lent[1] if lent and lent[0] == limit else self.limiter.ask(limit, self.destination.rate_limit)

    def _without_token(self, refusal: Verdict, sending: Sending) -> Verdict:
        """Do what it asks for when no token is to be had: wait for who gives them, or for a person."""
        if refusal.outcome is Outcome.UNAVAILABLE:
            waiting = replace(refusal, outcome=Outcome.THROTTLED)
            sending.stopped = True
            self.pauses.block(_NO_TOKEN_WAIT_SECONDS)
            return self._throttled(_NO_TOKEN_WAIT_SECONDS, waiting, sending)
        sending.stopped = True
        self._pause(refusal.outcome.value, "no new token", refusal)
        return refusal

    def _noted(self, url: str, told: dict[str, Any], token: Secret, events: int, sending: Sending) -> Verdict:
        self.meter.progress()
        started = self.clock()
        verdict = self._post(url, told, token)
        ended = self.clock()
        sending.posts.append(Post(url, events, started, ended, verdict))
        self.meter.request(self.destination.mapping.kind, verdict.outcome, ended - started)
        return verdict

    def _post(self, url: str, told: dict[str, Any], token: Secret) -> Verdict:
        return self.client.post(url, told, token=token, timeout_seconds=self.destination.timeout_seconds)

    def _react(self, verdict: Verdict, limit: str, permit: Permit, sending: Sending) -> Verdict:
        """Do what a verdict asks for beside the events themselves."""
        if verdict.outcome is Outcome.THROTTLED:
            wait = self.limiter.throttled(limit, now=self.clock())
            return self._throttled(wait, verdict, sending)
        if verdict.outcome in (Outcome.UNAUTHORIZED, Outcome.MISCONFIGURED):
            if verdict.code in _ABOUT_THE_SOURCE and not self.destination.has_one_source:
                # The event itself named the source: its fault, not the destination's.
                return replace(verdict, outcome=Outcome.REJECTED)
            sending.stopped = True
            self._pause(verdict.outcome.value, answer=verdict)
            return verdict
        failed = verdict.outcome is Outcome.UNAVAILABLE
        sending.failures += failed
        if failed:
            sending.stopped = True
            state, seconds = self.breaker.report(failed=True, why=verdict.told)
            if state == "opened":
                told = f"for {seconds:.0f} s; last answer: {verdict.told}"
                self.alerts.tell("breaker_open", self.destination.name, told)
        else:
            sending.served += 1
            self.limiter.served(limit, permit)
        if verdict.outcome is Outcome.PARTIAL:
            self.alerts.tell("partial", self.destination.name, f"code {verdict.code}, request {verdict.request_id}")
        return verdict

    def _throttled(self, wait: float, verdict: Verdict, sending: Sending) -> Verdict:
        if self.destination.has_one_source:
            sending.stopped = True
            self.pauses.block(wait)
        return replace(verdict, wait_seconds=wait)

    def _pause(self, reason: str, detail: str = "", answer: Verdict | None = None) -> None:
        said = f"{answer.code or ''} {answer.message}".strip() if answer else ""
        fresh = self.pauses.pause(
            reason,
            detail=": ".join(filter(None, (detail, said))),
            by=self.worker,
            credential=self.destination.credentials.fingerprint(),
            now=self.clock(),
        )
        if fresh:
            told = ": ".join(filter(None, (reason, detail, answer.told if answer else "")))
            self.alerts.tell("paused", self.destination.name, told)

    def _decide(
        self,
        ready: Sequence[Prepared],
        verdicts: Sequence[Verdict | None],
        settlement: Settlement,
    ) -> None:
        now = self.clock()
        first = 0
        # Nearly all events of a batch are one item each, and share the verdict of their request.
        usual: Verdict | None = None
        done: Fate = _DUPLICATE
        for prepared in ready:
            if len(prepared.items) == 1 and usual is not None and verdicts[first] is usual:
                first += 1
                settlement.fates.append((prepared.claimed, done))
                continue
            own = verdicts[first : first + len(prepared.items)]
            first += len(own)
            decided = fate(prepared, own, self.destination, now=now)
            if isinstance(decided, Done):
                if all(verdict is _ALREADY for verdict in own):
                    decided = _DUPLICATE
                elif len(own) == 1:
                    usual, done = own[0], decided
            settlement.fates.append((prepared.claimed, decided))

    def _hold_back_if_too_many_die(self, settlement: Settlement) -> None:
        now = self.clock()
        dying = [fate for _, fate in settlement.fates if isinstance(fate, Dead) and fate.letter.reason != NO_CONSENT]
        handled = sum(not isinstance(fate, Later) for _, fate in settlement.fates)
        if not self.guard.trips(dead=len(dying), handled=handled, now=now):
            return
        commonest = max((fate.letter.reason for fate in dying), key=[f.letter.reason for f in dying].count)
        self._pause("too_many_dead_letters", f"most of them: {commonest}")
        settlement.fates = [
            (claimed, Later(claimed.envelope, 0.0, "deferred"))
            if isinstance(fate, Dead) and holds_back(fate.letter.reason)
            else (claimed, fate)
            for claimed, fate in settlement.fates
        ]

    def _settle(self, settlement: Settlement) -> int:
        """Write the fates down. Redis may be restarting: what TikTok has taken is worth some patience."""
        started = self.clock()
        end = started + self.destination.take_back_after_seconds / 4
        pause = 0.05
        while True:
            try:
                settlement.people = self.people.members(settlement.kept())
                settle = call(self.keys, settlement, now=self.clock(), ledger_seconds=self.destination.ledger_seconds)
                report = [self.breaker.served(settlement.served)] if settlement.served else []
                settled, *_ = run_many(self.redis, [settle, *report])
                if isinstance(settled, ResponseError):
                    raise settled
                self.meter.stage(self.destination.mapping.kind, "settle", self.clock() - started)
                return int(settled)
            except (RedisConnectionError, RedisTimeoutError):
                if self.clock() > end:
                    raise
                self.meter.progress()
                self.sleep(pause)
                pause = min(pause * 2, 1.0)

    def _tell(self, settlement: Settlement, settled: int, posts: Sequence[Post], started: float) -> None:
        told = Settled(self.destination.name, settlement.fates, posts, settled, started, self.clock())
        self.outcomes.tell(told)


def age_seconds(batch: Sequence[Claimed], now: float) -> float:
    """Return how long ago the oldest event of a batch was enqueued."""
    return now - min((claimed.envelope.enqueued_at for claimed in batch), default=now * 1000) / 1000


_ABOUT_THE_SOURCE = frozenset({40001, 40007})
