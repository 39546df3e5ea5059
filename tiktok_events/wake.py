"""How does a worker hear at once that an event waits?

Workers look into the inboxes by themselves, so a wake-up that fails or is lost costs a moment, never
an event. It goes through a Celery app of its own: the host's ``current_app`` stays what it was.
"""

from __future__ import annotations

import importlib.util
import os
import time
from typing import TYPE_CHECKING

from tiktok_events.brokers import choose_broker
from tiktok_events.errors import EnqueueError
from tiktok_events.keys import CELERY_QUEUE, DELIVER_TASK

if TYPE_CHECKING:
    from celery import Celery

#: One wake-up makes a worker empty the inbox, so more than one in this time is of no use.
DEDUPLICATION_MS = 1000
#: A wake-up that waited longer than this finds an inbox that was read long ago.
_EXPIRES_SECONDS = 60
#: After a failure: a broker that is down must not slow every enqueue.
_REST_SECONDS = 10.0


class Waker:
    """Sends wake-ups to the workers; never raises after it was made.

    Args:
        redis_url: the broker, unless ``CELERY_BROKER_URL`` names another.
        timeout_seconds: the longest wait for the broker's answer.

    Raises:
        EnqueueError: Celery is not installed, or the broker's URL is not one that Celery knows.
    """

    def __init__(self, redis_url: str, *, timeout_seconds: float) -> None:
        if importlib.util.find_spec("celery") is None:
            raise EnqueueError("wake=True needs Celery: install tiktok-events[celery]")
        try:
            self._broker = choose_broker(redis_url)
        except ValueError as error:
            raise EnqueueError(f"wake=True: {error}") from None
        self._timeout_seconds = timeout_seconds
        self._app: Celery | None = None
        self._pid = 0
        self._rests_until = 0.0

    @property
    def rests(self) -> bool:
        """Whether the last wake-up failed a moment ago."""
        return time.monotonic() < self._rests_until

    def wake(self, destination: str) -> None:
        """Tells a worker to look at a destination now, if the broker answers."""
        try:
            if self._app is None or self._pid != os.getpid():
                self._app, self._pid = self._new_app(), os.getpid()
            self._app.send_task(
                DELIVER_TASK,
                args=[destination],
                queue=CELERY_QUEUE,
                ignore_result=True,
                expires=_EXPIRES_SECONDS,
                retry=False,
            )
        except Exception:
            # Whatever the broker's client raises, the event is stored and will be found.
            self._rests_until = time.monotonic() + _REST_SECONDS

    def _new_app(self) -> Celery:
        from celery import Celery

        app = Celery("tiktok-events-wake", broker=self._broker.url, set_as_current=False)
        app.conf.update(
            task_ignore_result=True,
            broker_connection_timeout=self._timeout_seconds,
            broker_connection_retry=False,
            broker_connection_max_retries=0,
            broker_transport_options={
                **self._broker.transport_options,
                "socket_timeout": self._timeout_seconds,
                "socket_connect_timeout": self._timeout_seconds,
                "retry_on_timeout": False,
                "max_retries": 0,
            },
        )
        return app
