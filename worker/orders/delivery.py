"""How a batch of order updates goes to the endpoint: one by one, each settled before the next is sent."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from schemas.order_sync import OrderUpdate
from worker.config import Secret
from worker.config.order_sync import OrderSync
from worker.delivery import Delivery, Readied, Sending, age_seconds
from worker.errors import Outcome, Verdict
from worker.fates import fate
from worker.inbox import Claimed
from worker.ledger import digest
from worker.orders.answers import judge
from worker.orders.book import OrderBook
from worker.preparation import Prepared
from worker.settlement import Done, Fate, Later, OrderNote, Settlement

_PART_FOR_SENDING = 0.25
"""A batch sends for this part of `take_back_after` at most. With a request's own time, at most two thirds of it, the
last answer is here before anybody may think that this worker is dead, and before the lease of its order ends."""

_MOST_FAILURES = 3
"""After so many failures the rest of a batch waits; one may be about its order alone."""

_WAIT_AFTER_STOP_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDelivery(Delivery):
    """Delivers the updates of one order destination."""

    book: OrderBook
    settings: OrderSync

    def finish(self, readied: Readied) -> int:
        """Send the updates of a batch and settle every one of it; return how many were settled.

        A crash anywhere in here leaves the entries pending and one order leased. Another worker takes the entries
        back, and the lease ends by itself before that.
        """
        token = secrets.token_hex(8)
        sending = Sending(deadline=readied.started + self.destination.take_back_after_seconds * _PART_FOR_SENDING)
        settled = self._close_unsent(readied.settlement, readied.started) if readied.settlement.fates else 0
        ready: list[tuple[Prepared, OrderUpdate]] = []
        for prepared in readied.ready:
            (update,) = prepared.items
            assert isinstance(update, OrderUpdate)  # noqa: S101 # what an order destination's mapper makes
            ready.append((prepared, update))
        # The oldest first: then a predecessor in the same batch has gone before its successor asks.
        for prepared, update in sorted(ready, key=lambda each: each[1].update_ms):
            settled += self._deliver_one(prepared, update, token, sending)
        self.meter.settled("order_sync", len(readied.batch), age_seconds(readied.batch, self.clock()))
        return settled

    def _close_unsent(self, settlement: Settlement, started: float) -> int:
        """Settle what is refused before it is sent. An update that was fine when it was claimed first, and is refused
        now, holds its successors back no longer."""
        keys = self.book.orders_of([claimed for claimed, _ in settlement.fates])
        self._hold_back_if_too_many_die(settlement)
        settlement.orders += [
            self._note(claimed, key, "", fate=decided)
            for (claimed, decided), key in zip(settlement.fates, keys, strict=True)
            if key is not None
        ]
        settled = self._settle(settlement)
        self._tell(settlement, settled, (), started)
        return settled

    def _deliver_one(self, prepared: Prepared, update: OrderUpdate, token: str, sending: Sending) -> int:
        started, before, served = self.clock(), len(sending.posts), sending.served
        claimed, settlement = prepared.claimed, Settlement()
        taken, its_turn = False, True
        decided: Fate = Later(claimed.envelope, _WAIT_AFTER_STOP_SECONDS, "deferred")
        if self._may_go_on(sending):
            admission = self.book.admit(claimed, update, token=token)
            its_turn = admission.decision != "wait"
            if admission.decision == "superseded":
                decided = Done("superseded")
            elif admission.decision == "wait":
                decided = Later(claimed.envelope, admission.wait_seconds, "deferred")
            elif self._was_delivered(claimed, update):
                taken, decided = True, Done("duplicate")
            # Asked again: a process that stood still since would send under a lease that has ended.
            elif self._may_go_on(sending):
                verdict = self._send_one(update, sending)
                taken = verdict.outcome is Outcome.DELIVERED
                decided = fate(prepared, [verdict], self.destination, now=self.clock())
        if taken:
            settlement.delivered.append(digest(update))
        posts = sending.posts[before:]
        settlement.count("requests", len(posts))
        settlement.served = sending.served - served
        settlement.fates.append((claimed, decided))
        self._hold_back_if_too_many_die(settlement)
        ((_, decided),) = settlement.fates
        note = self._note(claimed, self.book.key(update), token, fate=decided, its_turn=its_turn)
        settlement.orders.append(replace(note, delivered_ms=update.update_ms) if taken else note)
        settled = self._settle(settlement)
        self._tell(settlement, settled, posts, started)
        return settled

    def _may_go_on(self, sending: Sending) -> bool:
        return not sending.stopped and self.clock() < sending.deadline

    def _was_delivered(self, claimed: Claimed, update: OrderUpdate) -> bool:
        known = self.ledger.known([digest(update)], now=self.clock())
        return bool(known) and not claimed.envelope.forced

    def _send_one(self, update: OrderUpdate, sending: Sending) -> Verdict:
        # All shops share the endpoint's limit.
        verdict = self._request(update.key._replace(event_source_id=""), [update], sending)
        if verdict.outcome is Outcome.UNAVAILABLE:
            sending.stopped = sending.failures >= _MOST_FAILURES
        return verdict

    def _post(self, url: str, told: dict[str, Any], token: Secret) -> Verdict:
        settings = self.settings
        answer = self.client.call(
            settings.method,
            url,
            headers={settings.header: settings.prefix + token.reveal()},
            body=told,
            timeout_seconds=self.destination.timeout_seconds,
        )
        return answer if isinstance(answer, Verdict) else judge(answer.status, answer.body, settings)

    def _note(self, claimed: Claimed, key: str, token: str, *, fate: Fate, its_turn: bool = True) -> OrderNote:
        state = ("r" if its_turn else "d") if isinstance(fate, Later) else "gone"
        return OrderNote(
            claimed=claimed,
            key=key,
            refs=self.keys.order_refs,
            token=token,
            delivered_ms=None,
            state=state,
            remember_seconds=self.settings.remember_seconds,
        )
