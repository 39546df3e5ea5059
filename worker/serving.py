"""What does a deliver task do with its time? It serves the destinations it holds, then whatever it hears of.

While it listens it asks to be given the events of the destination that it heard of twice in a row, in the same round
trip in which it hears of them (ADR 0061).
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from kombu.exceptions import OperationalError

from worker import company
from worker.calls import MOST_TOGETHER, Calls, parts
from worker.claims import Claims, Expected
from worker.flights import Flights
from worker.inbox import Taken
from worker.lookout import Lookout
from worker.runtime import Runtime
from worker.schedule import LEASE_SECONDS, Lease

SLICE_SECONDS = 2.0
"""How long one task goes on. Celery around the loop costs next to nothing at this length, and a warm shutdown waits no
longer than this and a request."""

LISTENING_SECONDS = 20.0
"""How long one goes on that listens, where other tasks have other slots: each change of listeners is felt by the events
that come just then. It ends as soon as its worker is about to stop."""

_QUIET_SECONDS = 1.0
"""How long a task listens to silence before it gives its slot back."""

_LISTENING_LEASE_SECONDS = 1.0
"""The lease of a batch that was taken on hearing of it: nobody renews it, and it must not keep others away for long."""

_SHARE_SECONDS = 0.1
_OVERLAP_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Rest:
    """What a slice leaves to the one that follows it: leases, and the name under which it leads, if it does."""

    leases: tuple[Lease, ...] = ()
    leading_as: str | None = None

    def __bool__(self) -> bool:
        return bool(self.leases or self.leading_as)


class Slice:
    """One turn of a process at delivering: bounded in time, and it ends early when there is nothing to do."""

    def __init__(
        self,
        here: Runtime,
        calls: Calls,
        *,
        seconds: float = SLICE_SECONDS,
        listening_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make one that ends `seconds` after it last listened, and after `listening_seconds` (default: the same) in
        any case."""
        self._here = here
        self._calls = calls
        self._clock = clock
        self._seconds = seconds
        self._end = clock() + seconds
        self._latest = clock() + (seconds if listening_seconds is None else listening_seconds)
        self._turns: deque[Lease] = deque()
        self._flights = Flights(here.senders)
        self._claims = Claims(here, self._flights, clock)
        self._awaited: dict[str, float] = {}
        """Destinations of which a batch is filling, and when it is taken."""
        self._last_heard = self._heard_twice = ""
        self._silent_since = clock()
        self._shared_at = 0.0
        self._handed_over = False

    def run(self, leases: Sequence[Lease], *, leading_as: str | None = None, listen: bool = True) -> Rest:
        """Serve until nothing is left to do or the slice is over; return what the next one goes on with.

        A slice that is over keeps its leases for the one that follows, or whoever leads would call another beside it.
        """
        with self._here.lookout(leading_as or f"serve:{secrets.token_hex(8)}") as lookout:
            return self._run(leases, lookout if listen else None, may_lead=leading_as is not None)

    def _run(self, leases: Sequence[Lease], lookout: Lookout | None, *, may_lead: bool) -> Rest:
        self._turns.extend(leases)
        leads = False
        try:
            while self._clock() < self._end and not company.is_leaving():
                if self._turns:
                    self._take_turn(self._turns.popleft(), lookout, leads=leads)
                    continue
                leads = lookout is not None and lookout.leads()
                may_lead = may_lead or leads
                if not leads or lookout is None or not self._listen(lookout):
                    break
        finally:
            self._flights.land()
        if lookout is None or not may_lead or self._handed_over:
            return Rest(tuple(self._turns))
        if leads and self._clock() >= self._end and not self._is_silent():
            return Rest(tuple(self._turns), lookout.name)
        # Also where it leads no longer, since called tasks wait for its slot: else its lease, of some seconds, would
        # keep everybody from what they leave.
        lookout.resign()
        return Rest(tuple(self._turns))

    def _take_turn(self, lease: Lease, lookout: Lookout | None, *, leads: bool) -> None:
        """Take one batch of a destination and send it off; keep the lease while there may be more."""
        taken = self._claims.take(lease, LEASE_SECONDS, lookout)
        if taken is not None and taken.more and lease.destination not in self._flights.broken:
            self._turns.append(lease)
            if leads and lookout is not None and self._clock() - self._shared_at > _SHARE_SECONDS:
                # More than one batch: others may help.
                self._shared_at = self._clock()
                self._share(lookout.look([lease.destination]))

    def _listen(self, lookout: Lookout) -> bool:
        """Wait for the next thing to do; return False when there has been none for long enough."""
        self._here.meter.progress()
        self._end = max(self._end, min(self._clock() + self._seconds, self._latest))
        if lookout.sweep_is_due:
            self._calls.sweep()
        hand_over_at = self._end - _OVERLAP_SECONDS
        if self._clock() >= hand_over_at:
            self._hand_over(lookout)
        self._share(lookout.look())
        now = self._clock()
        for name in [name for name, at in self._awaited.items() if at <= now]:
            del self._awaited[name]
            self._collect(name, lookout)
        if self._turns:
            return True
        end = hand_over_at if now < hand_over_at else self._end
        until = min([end, now + lookout.wait_seconds, self._silent_since + _QUIET_SECONDS, *self._awaited.values()])
        for name in self._heard(lookout, max(0.001, until - now)):
            now = self._clock()
            ready_at = self._here.pace(name).ready_at(now)
            if ready_at > now:
                self._awaited[name] = ready_at
            else:
                self._hear(name, lookout)
        return bool(self._awaited or self._turns) or not self._is_silent()

    def _heard(self, lookout: Lookout, seconds: float) -> list[str]:
        """Wait until something is written; return where, without the destination of which it is taken already."""
        expected = self._expected()
        heard, answer = lookout.listen_and_ask(seconds, expected.question if expected else None, but=self._awaited)
        if heard:
            self._heard_twice = heard[-1] if heard[-1] == self._last_heard else ""
            self._last_heard = heard[-1]
        if expected is None or answer is None:
            return heard
        taken = self._claims.answered(expected, answer, lookout)
        if taken.gate not in ("go", "probe"):
            self._heard_twice = ""
        name = expected.lease.destination
        # Where nothing came of it somebody else was faster: whoever looks again finds out.
        return [each for each in heard if each != name] if self._note(expected.lease, taken) else heard

    def _expected(self) -> Expected | None:
        """Return what it takes to be given the next event where it will come; None where that cannot be said, or the
        event would have to wait for company."""
        name, now = self._heard_twice, self._clock()
        if not name or name in self._awaited or self._here.pace(name).ready_at(now) > now:
            return None
        return self._claims.expected(Lease(name, secrets.token_hex(8)), _LISTENING_LEASE_SECONDS)

    def _hand_over(self, lookout: Lookout) -> None:
        """Call the task that listens after this one before this one ends: in another slot both do for a moment."""
        if not self._handed_over and not self._is_silent():
            with suppress(OperationalError):
                self._calls.go_on((), lookout.name)
                self._handed_over = True

    def _hear(self, name: str, lookout: Lookout) -> None:
        """Take what was heard of."""
        if not self._collect(name, lookout):
            # Somebody else has it. Not to be heard of again; and what came since that was said is taken.
            lookout.skip([name])
            self._collect(name, lookout)

    def _collect(self, name: str, lookout: Lookout) -> bool:
        """Take what waits; say whether there was anything, or could not be. Where many come, wait for the next batch
        without listening."""
        lease = Lease(name, secrets.token_hex(8))
        taken = self._claims.take(lease, _LISTENING_LEASE_SECONDS, lookout)
        return taken is None or self._note(lease, taken)

    def _note(self, lease: Lease, taken: Taken) -> bool:
        """Note what is to be done next where a batch was taken; say whether there was anything, or could not be."""
        if taken.gate not in ("go", "full"):
            return True
        if taken.more:
            self._turns.append(lease)
        if taken.batch:
            now = self._silent_since = self._clock()
            ready_at = self._here.pace(lease.destination).ready_at(now)
            if ready_at > now and not taken.more:
                self._awaited[lease.destination] = ready_at
        return bool(taken.batch)

    def _is_silent(self) -> bool:
        return self._clock() - self._silent_since >= _QUIET_SECONDS

    def _share(self, leases: Sequence[Lease]) -> None:
        """Keep half of the leases that were found, and call other tasks for the rest."""
        own: dict[str, Lease] = {}
        others: list[Lease] = []
        most = min(MOST_TOGETHER, (len(leases) + 1) // 2)
        taken = {lease.destination for lease in self._turns}
        for lease in leases:
            if len(own) < most and lease.destination not in own and lease.destination not in taken:
                own[lease.destination] = lease
            else:
                others.append(lease)
        self._turns.extend(own.values())
        if own:
            self._silent_since = self._clock()
        for part in parts(others):
            try:
                self._calls.serve(part)
            except OperationalError:
                # The broker takes no message: then they are served here, one after the other.
                self._turns.extend(part)
