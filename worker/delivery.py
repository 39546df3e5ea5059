"""How one batch goes from the streams to TikTok and is settled."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from schemas import EventMapper, Item
from worker.alerts import Alerts
from worker.breaker import Breaker
from worker.client import TikTokClient
from worker.config import Destination, Secret
from worker.errors import Outcome, Verdict
from worker.fates import fate
from worker.grouping import RequestKey, group, request
from worker.guard import Guard, holds_back
from worker.inbox import Claimed
from worker.isolation import Isolation
from worker.keys import Keys
from worker.ledger import Ledger, digest
from worker.limiter import Limiter, Permit, scope
from worker.metrics import Meter
from worker.pauses import Pauses
from worker.preparation import Prepared, prepare
from worker.settlement import Dead, Done, Later, Settlement, write
from worker.tokens import Tokens, is_renewable

log = logging.getLogger(__name__)

_SHORT_WAIT_SECONDS = 0.25
"""A wait for the rate limit that is shorter than this is slept through; a longer one gives the slot away."""

_NO_TOKEN_WAIT_SECONDS = 5.0
"""How long nothing is sent when the server that renews tokens does not answer."""

_ALREADY = Verdict(Outcome.DELIVERED, message="in the ledger")


@dataclass(slots=True)
class Sending:
    """What is learned while a batch is sent."""

    deadline: float
    requests: int = 0
    failures: int = 0
    stopped: bool = False


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
    meter: Meter
    worker: str
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def deliver(self, batch: Sequence[Claimed]) -> int:
        """Send a claimed batch and settle every entry of it; return how many entries were settled.

        A crash anywhere in here leaves the entries pending: another worker takes them back and sends them again,
        and TikTok drops what it had taken already.
        """
        started = self.clock()
        kind = self.destination.mapping.kind
        self.meter.claimed(kind, len(batch))
        settlement = Settlement()
        ready: list[Prepared] = []
        for claimed in batch:
            prepared = prepare(claimed, self.destination, self.mapper, now=started)
            if isinstance(prepared, Prepared):
                ready.append(prepared)
            else:
                settlement.fates.append((claimed, prepared))
        prepared_at = self.clock()
        self.meter.stage(kind, "prepare", prepared_at - started)
        self._send(ready, settlement, started)
        self.meter.stage(kind, "send", self.clock() - prepared_at)
        self._hold_back_if_too_many_die(settlement)
        settled = self._settle(settlement)
        now = self.clock()
        self._tell(settlement, settled, now - started)
        self.meter.settled(kind, len(batch), age_seconds(batch, now))
        return settled

    def _send(self, ready: Sequence[Prepared], settlement: Settlement, started: float) -> None:
        items = [item for prepared in ready for item in prepared.items]
        forced = [prepared.claimed.envelope.forced for prepared in ready for _ in prepared.items]
        digests = [digest(item) for item in items]
        known = self.ledger.known(digests, now=started)
        verdicts: list[Verdict | None] = [
            _ALREADY if was_delivered and not force else None
            for was_delivered, force in zip(known, forced, strict=True)
        ]
        sending = Sending(deadline=started + self.destination.take_back_after_seconds / 2)
        open_places = [place for place, verdict in enumerate(verdicts) if verdict is None]
        for key, places in group(items[place] for place in open_places).items():
            if sending.stopped:
                break
            members = [open_places[place] for place in places]
            for first in range(0, len(members), self.destination.batch_size):
                if sending.stopped:
                    break
                part = members[first : first + self.destination.batch_size]
                for place, verdict in self._send_group(key, [items[place] for place in part], sending).items():
                    verdicts[part[place]] = verdict
                    if verdict.outcome is Outcome.DELIVERED:
                        settlement.delivered.append(digests[part[place]])
        settlement.count("requests", sending.requests)
        self._decide(ready, verdicts, settlement)

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
        limit = scope(self.destination.credentials.fingerprint(), key.event_source_id, path)
        permit = self.limiter.ask(limit, self.destination.rate_limit)
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
        verdict = self._asked(url, told, token, sending)
        if is_renewable(verdict):
            fresh = self.tokens.renewed(token)
            if isinstance(fresh, Verdict):
                return self._without_token(fresh, sending)
            if fresh is not None and self.clock() >= sending.deadline:
                return self._throttled(0.0, Verdict(Outcome.THROTTLED, message="the token was renewed"), sending)
            if fresh is not None:
                verdict = self._asked(url, told, fresh, sending)
        return self._react(verdict, limit, permit, sending)

    def _without_token(self, refusal: Verdict, sending: Sending) -> Verdict:
        """Do what it asks for when no token is to be had: wait for who gives them, or for a person."""
        if refusal.outcome is Outcome.UNAVAILABLE:
            waiting = replace(refusal, outcome=Outcome.THROTTLED)
            sending.stopped = True
            self.pauses.block(_NO_TOKEN_WAIT_SECONDS)
            return self._throttled(_NO_TOKEN_WAIT_SECONDS, waiting, sending)
        sending.stopped = True
        self._pause(refusal.outcome.value, f"no new token: {refusal.code or ''} {refusal.message}".strip())
        return refusal

    def _asked(self, url: str, told: dict[str, Any], token: Secret, sending: Sending) -> Verdict:
        sending.requests += 1
        self.meter.progress()
        started = self.clock()
        verdict = self._post(url, told, token)
        self.meter.request(self.destination.mapping.kind, verdict.outcome, self.clock() - started)
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
            self._pause(verdict.outcome.value, f"{verdict.code or ''} {verdict.message}".strip())
            return verdict
        failed = verdict.outcome is Outcome.UNAVAILABLE
        sending.failures += failed
        if not failed:
            self.limiter.served(limit, permit)
        sending.stopped = sending.stopped or failed
        state, seconds = self.breaker.report(failed=failed)
        if state == "opened":
            self.alerts.tell(
                "breaker_open", self.destination.name, f"for {seconds:.0f} s; last answer: {verdict.message}"
            )
        if verdict.outcome is Outcome.PARTIAL:
            self.alerts.tell("partial", self.destination.name, f"code {verdict.code}, request {verdict.request_id}")
        return verdict

    def _throttled(self, wait: float, verdict: Verdict, sending: Sending) -> Verdict:
        if self.destination.has_one_source:
            sending.stopped = True
            self.pauses.block(wait)
        return replace(verdict, wait_seconds=wait)

    def _pause(self, reason: str, detail: str) -> None:
        fresh = self.pauses.pause(
            reason,
            detail=detail,
            by=self.worker,
            credential=self.destination.credentials.fingerprint(),
            now=self.clock(),
        )
        if fresh:
            self.alerts.tell("paused", self.destination.name, f"{reason}: {detail}")

    def _decide(
        self,
        ready: Sequence[Prepared],
        verdicts: Sequence[Verdict | None],
        settlement: Settlement,
    ) -> None:
        now = self.clock()
        first = 0
        for prepared in ready:
            own = verdicts[first : first + len(prepared.items)]
            first += len(own)
            decided = fate(prepared, own, self.destination, now=now)
            if isinstance(decided, Done) and all(verdict is _ALREADY for verdict in own):
                decided = Done("duplicate")
            settlement.fates.append((prepared.claimed, decided))

    def _hold_back_if_too_many_die(self, settlement: Settlement) -> None:
        now = self.clock()
        dying = [fate for _, fate in settlement.fates if isinstance(fate, Dead)]
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
                settled = write(
                    self.redis,
                    self.keys,
                    settlement,
                    now=self.clock(),
                    ledger_seconds=self.destination.ledger_seconds,
                )
                self.meter.stage(self.destination.mapping.kind, "settle", self.clock() - started)
                return settled
            except (RedisConnectionError, RedisTimeoutError):
                if self.clock() > end:
                    raise
                self.meter.progress()
                self.sleep(pause)
                pause = min(pause * 2, 1.0)

    def _tell(self, settlement: Settlement, settled: int, seconds: float) -> None:
        counts: dict[str, int] = {
            "delivered": 0,
            "duplicate": 0,
            "superseded": 0,
            "discarded": 0,
            "retried": 0,
            "deferred": 0,
            "dead": 0,
        }
        for _, decided in settlement.fates:
            counts["dead" if isinstance(decided, Dead) else decided.counter] += 1
        log.info(
            "batch settled",
            extra={
                "destination": self.destination.name,
                "entries": len(settlement.fates),
                "settled": settled,
                "requests": settlement.counters.get("requests", 0),
                "seconds": round(seconds, 4),
                **counts,
            },
        )


def age_seconds(batch: Sequence[Claimed], now: float) -> float:
    """Return how long ago the oldest event of a batch was enqueued."""
    return now - min((claimed.envelope.enqueued_at for claimed in batch), default=now * 1000) / 1000


_ABOUT_THE_SOURCE = frozenset({40001, 40007})
