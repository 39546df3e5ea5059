"""How does a deliver task claim a batch and send it off?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from worker.config import Destination
from worker.delivery import Delivery
from worker.flights import Flights
from worker.inbox import Inbox, Taken, Terms
from worker.lookout import Lookout
from worker.management import ManagementError
from worker.runtime import Runtime
from worker.schedule import Lease
from worker.scripts import Call

if TYPE_CHECKING:
    from worker.orders import OrderIntake


class Expected(NamedTuple):
    """A destination of which an event is expected, and what takes it."""

    lease: Lease
    terms: Terms
    delivery: Delivery
    inbox: Inbox

    @property
    def question(self) -> Call:
        """The call that takes what is there when it runs."""
        return self.inbox.question(self.lease.token, self.terms)


@dataclass(frozen=True, slots=True)
class Claims:
    """What one deliver task claims. Each batch is prepared here and delivered by one of the `flights`."""

    here: Runtime
    flights: Flights
    clock: Callable[[], float] = time.monotonic

    def take(self, lease: Lease, lease_seconds: float, lookout: Lookout | None) -> Taken | None:
        """Take one batch and send it off; None where that cannot be done at all."""
        found = self._of(lease.destination)
        if found is None:
            return None
        delivery, inbox = found
        self.here.meter.progress()
        started = self.clock()
        taken = inbox.take(lease.token, _terms(delivery.destination, lease_seconds))
        self.here.meter.stage(delivery.destination.mapping.kind, "claim", self.clock() - started)
        self._send_off(delivery, taken, lookout)
        return taken

    def expected(self, lease: Lease, lease_seconds: float) -> Expected | None:
        """Return what is to be asked for one batch along with something else; None where that cannot be."""
        found = self._of(lease.destination)
        if found is None:
            return None
        delivery, inbox = found
        if not isinstance(inbox, Inbox):
            return None  # updates of orders are claimed under a lock
        return Expected(lease, _terms(delivery.destination, lease_seconds), delivery, inbox)

    def answered(self, expected: Expected, answer: Any, lookout: Lookout) -> Taken:
        """Send off what the answer to the question of `expected` gives."""
        taken = expected.inbox.taken(answer, expected.lease.token, expected.terms)
        self._send_off(expected.delivery, taken, lookout)
        return taken

    def _of(self, name: str) -> tuple[Delivery, Inbox | OrderIntake] | None:
        if name not in self.here.config.destinations:
            return None
        try:
            return self.here.of(name)
        except ManagementError as error:
            self.here.hold(name, error)
            return None

    def _send_off(self, delivery: Delivery, taken: Taken, lookout: Lookout | None) -> None:
        """Prepare a batch and let it go its way."""
        name = delivery.destination.name
        if lookout is not None and taken.gate in ("paused", "blocked", "open"):
            lookout.shut(name)
        if not taken.batch:
            return
        if lookout is not None:
            lookout.saw(name, taken.batch)
        self.here.pace(name).took(len(taken.batch), now=self.clock())
        prepared = delivery.prepared(taken.batch)
        if taken.gate == "probe":
            # Nothing else goes out before it is known how this one ended.
            delivery.finish(prepared)
        else:
            self.flights.launch(name, len(taken.batch), partial(delivery.finish, prepared))


def _terms(destination: Destination, lease_seconds: float) -> Terms:
    return Terms(
        size=destination.batch_size,
        silence_seconds=destination.take_back_after_seconds,
        max_deliveries=destination.max_deliveries,
        max_tasks=destination.max_in_flight,
        lease_seconds=lease_seconds,
    )
