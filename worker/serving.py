"""What does a deliver task do with its time? It serves the destinations it holds, then whatever it hears of."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from kombu.exceptions import OperationalError

from worker.calls import MOST_TOGETHER, Calls, parts
from worker.flights import Flights
from worker.inbox import Taken, Terms
from worker.lookout import Lookout
from worker.management import ManagementError
from worker.runtime import Runtime
from worker.schedule import LEASE_SECONDS, Lease

SLICE_SECONDS = 2.0
"""How long one task goes on. Celery around the loop costs next to nothing at this length, and a warm shutdown waits no
longer than this and a request."""

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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here = here
        self._calls = calls
        self._clock = clock
        self._end = clock() + seconds
        self._turns: deque[Lease] = deque()
        self._flights = Flights(here.senders)
        self._awaited: dict[str, float] = {}
        """Destinations of which a batch is filling, and when it is taken."""
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
            while self._clock() < self._end:
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
        taken = self._take(lease, LEASE_SECONDS, lookout)
        if taken is not None and taken.more and lease.destination not in self._flights.broken:
            self._turns.append(lease)
            if leads and lookout is not None and self._clock() - self._shared_at > _SHARE_SECONDS:
                # More than one batch: others may help.
                self._shared_at = self._clock()
                self._share(lookout.look([lease.destination]))

    def _take(self, lease: Lease, lease_seconds: float, lookout: Lookout | None) -> Taken | None:
        """Take one batch and send it off; None where that cannot be done at all."""
        name = lease.destination
        if name not in self._here.config.destinations:
            return None
        try:
            delivery, inbox = self._here.of(name)
        except ManagementError as error:
            self._here.hold(name, error)
            return None
        settings = delivery.destination
        self._here.meter.progress()
        started = self._clock()
        taken = inbox.take(
            lease.token,
            Terms(
                size=settings.batch_size,
                silence_seconds=settings.take_back_after_seconds,
                max_deliveries=settings.max_deliveries,
                max_tasks=settings.max_in_flight,
                lease_seconds=lease_seconds,
            ),
        )
        self._here.meter.stage(settings.mapping.kind, "claim", self._clock() - started)
        if lookout is not None and taken.gate in ("paused", "blocked", "open"):
            lookout.shut(name)
        if taken.batch:
            if lookout is not None:
                lookout.saw(name, taken.batch)
            self._here.pace(name).took(len(taken.batch), now=self._clock())
            prepared = delivery.prepared(taken.batch)
            if taken.gate == "probe":
                # Nothing else goes out before it is known how this one ended.
                delivery.finish(prepared)
            else:
                self._flights.launch(name, len(taken.batch), partial(delivery.finish, prepared))
        return taken

    def _listen(self, lookout: Lookout) -> bool:
        """Wait for the next thing to do; return False when there has been none for long enough."""
        self._here.meter.progress()
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
        for name in lookout.listen(max(0.001, until - now), but=self._awaited):
            now = self._clock()
            ready_at = self._here.pace(name).ready_at(now)
            if ready_at > now:
                self._awaited[name] = ready_at
            else:
                self._hear(name, lookout)
        return bool(self._awaited or self._turns) or not self._is_silent()

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
        taken = self._take(lease, _LISTENING_LEASE_SECONDS, lookout)
        if taken is None or taken.gate not in ("go", "full"):
            return True
        if taken.more:
            self._turns.append(lease)
        if taken.batch:
            now = self._silent_since = self._clock()
            ready_at = self._here.pace(name).ready_at(now)
            if ready_at > now and not taken.more:
                self._awaited[name] = ready_at
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
