"""When events are delivered: in slices of some seconds, each of which may call the next."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence

from celery import current_app, shared_task
from kombu.exceptions import OperationalError

from tiktok_events.keys import DELIVER_TASK
from worker import company
from worker.calls import SERVE_TASK, Calls
from worker.runtime import Runtime, runtime
from worker.schedule import Lease
from worker.serving import LISTENING_SECONDS, SLICE_SECONDS, Rest, Slice

log = logging.getLogger(__name__)


def serve_in_slices(here: Runtime, leases: Sequence[Lease], calls: Calls, *, leading_as: str | None = None) -> None:
    """Serve for a slice, and call the task that goes on, if there is more to do."""
    rest = Rest(tuple(leases), leading_as)
    # Where there is one slot, nobody keeps it from other tasks for long.
    longest = LISTENING_SECONDS if company.slots() > 1 else SLICE_SECONDS
    while True:
        rest = Slice(here, calls, listening_seconds=longest).run(rest.leases, leading_as=rest.leading_as)
        if not rest:
            return
        try:
            calls.go_on(rest.leases, rest.leading_as)
        except OperationalError as error:
            # A broker whose memory is full takes no message. What could empty it is this task: so it goes on.
            log.warning("broker takes no message; going on", extra={"cause": type(error).__name__})
            if company.is_leaving():
                return  # its leases end, and another worker finds what is left
        else:
            return


@shared_task(name=SERVE_TASK, ignore_result=True, max_retries=0)
def serve(leases: Sequence[Sequence[str]], leading_as: str | None = None, call: str | None = None) -> None:
    """Serve the destinations of some leases. Disposable: it may run anywhere, twice, and at once."""
    here = runtime()
    calls = Calls(here.redis, current_app.send_task)
    if call is not None:
        calls.begun(call)
    serve_in_slices(here, [Lease(*each) for each in leases], calls, leading_as=leading_as)


@shared_task(name=DELIVER_TASK, ignore_result=True, max_retries=0)
def deliver(destination: str, token: str | None = None) -> None:
    """Wake-up, from a producer who knows no leases: deliver what waits for `destination`."""
    here = runtime()
    calls = Calls(here.redis, current_app.send_task)
    serve_in_slices(here, [Lease(destination, token or secrets.token_hex(8))], calls)
