"""The Celery application: processes, pools, signals and wake-ups. No event travels in its messages by our doing."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps
from celery.exceptions import OperationalError
from celery.signals import celeryd_init, setup_logging, worker_process_init
from redis import Redis

from tiktok_events.brokers import choose_broker
from tiktok_events.keys import CELERY_QUEUE, embedded_socket
from tiktok_events.sealing import read_keyring
from worker import broker, company, embedded, logs, sentry
from worker.calls import Calls
from worker.checkup import of_redis
from worker.config import ConfigError
from worker.connection import connect
from worker.keys import Keys
from worker.metrics import lifecycle, meter
from worker.pauses import Pauses
from worker.people.index_key import index_key
from worker.registry import register
from worker.runtime import Runtime, runtime, spare_the_collector
from worker.schedule import Lease
from worker.serving import Slice
from worker.waker import Waker
from worker.workers import Heartbeat

log = logging.getLogger(__name__)

_LONGEST_WAIT_SECONDS = 15.0
"""Longer than the waker ever listens."""

_EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h

broker.mend()
_broker = broker.chosen()
app = Celery(
    "tiktok_events",
    broker=_broker.url,
    include=["tasks.deliver", "tasks.enqueue", "tasks.replay", "tasks.sweep", "tasks.wake"],
)
app.conf.update(
    task_default_queue=CELERY_QUEUE,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    # A wake-up may be lost or come twice; what must not be lost lies in the streams.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    # Celery's own connections wait one after the other when the network falls silent: their patience adds up.
    broker_transport_options={
        **_broker.transport_options,
        "socket_timeout": 3,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 5,
        # What a killed worker was handed comes again after this long, not after kombu's hour. Matters only for
        # events that come in by Celery (tasks/enqueue.py); no task may hold one unacknowledged for longer.
        "visibility_timeout": 120,
    },
    task_serializer="json",
    accept_content=["json"],
    # For who runs beat; the worker's own waker needs none of it.
    beat_schedule={"wake": {"task": "tiktok_events.wake", "schedule": 1.0, "options": {"expires": 5}}},
)


@setup_logging.connect
def _log(**_: object) -> None:
    _or_refuse(logs.start)


def _or_refuse(start: Callable[[], object]) -> None:
    """Start something, or refuse to start on a bad variable: Celery would only log what its signals raise."""
    try:
        start()
    except ValueError as error:
        print(error, file=sys.stderr)
        raise SystemExit(_EXIT_CONFIG) from None


@celeryd_init.connect
def _start(**_: object) -> None:
    """Refuse to start on a bad configuration, and make sure that there is a Redis."""
    _or_refuse(sentry.start)
    _or_refuse(choose_broker)
    try:
        here = runtime()
        lifecycle.open_board(here.config)
        if not os.environ.get("REDIS_URL"):
            _servers.enter_context(embedded.running(Path(embedded_socket()).parent))
            atexit.register(_servers.close)
    except (ConfigError, lifecycle.AddressError, embedded.NoServerError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(_EXIT_CONFIG) from None
    if os.environ.get("REDIS_URL") and read_keyring() is None:
        log.warning("payloads lie in Redis in clear: TIKTOK_EVENTS_ENCRYPTION_KEYS is not set")
    redis = connect()
    register(redis, here.config)
    index_key(redis)  # made while there is room for it
    for finding in of_redis(redis):
        if finding.state == "fail":
            here.alerts.tell("redis", "", f"{finding.subject}: {finding.detail}; {finding.advice}")
    for name, destination in here.config.destinations.items():
        fingerprint = destination.credentials.fingerprint()
        if Pauses(redis, Keys(name)).resume_on_new_token(fingerprint, now=time.time()):
            log.warning("resumed on a new token", extra={"destination": name})
    asking = [name for name, destination in here.config.destinations.items() if destination.event_set]
    Runtime(here.config, connect=lambda: redis).warm(asking)
    redis.close()
    # Celery looks for garbage before each fork. In what has just been loaded there is none, and looking for it was a
    # fifth of the start; and children go on sharing the memory of what no collector touches.
    gc.freeze()


_servers = ExitStack()


@worker_process_init.connect
def _start_child(**_: object) -> None:
    """Make what the first batch needs before it comes: a cold child would show in the slowest percent."""
    lifecycle.join_board()
    here = runtime()
    here.warm(here.config.destinations)
    spare_the_collector()


class WakerStep(bootsteps.StartStopStep):
    """Runs the waker while the worker runs."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._waker: Waker | None = None

    def create(self, worker: Any) -> None:
        """Say how many slots there are before the pool forks: what it keeps is read by its processes."""
        company.arrive(worker.pool.limit or 1)

    def start(self, worker: Any) -> None:
        """Start listening."""
        destinations = runtime().config.destinations
        heartbeat = Heartbeat(worker.hostname, slots=worker.concurrency or 1)
        self._waker = Waker(
            _connect_to_wait,
            destinations,
            _call,
            _sweep,
            name=worker.hostname,
            turned=meter().waker_turned,
            heartbeat=heartbeat,
        )
        self._waker.start()

    def stop(self, _worker: Any) -> None:
        """Stop calling and listening first, so that a warm shutdown has less to wait for."""
        company.leave()
        if self._waker is not None:
            self._waker.stop()

    def terminate(self, worker: Any) -> None:
        """Stop for a cold shutdown."""
        self.stop(worker)


def _connect_to_wait() -> Redis:
    # Not tried again by itself: the waker ends its wait by closing the connection.
    return connect(timeout_seconds=_LONGEST_WAIT_SECONDS, retries=0)


def _calls() -> Calls:
    return Calls(runtime().redis, app.send_task)


def _call(leases: Sequence[Lease]) -> None:
    """Call a pool process; where the broker takes no message (its Redis is full, say), deliver right here.

    Delivering frees memory, so a full Redis mends itself; a fleet that waited for the broker would not. One slice only:
    the waker has to look at the others, too.
    """
    try:
        _calls().serve(leases)
    except OperationalError as error:
        log.warning("broker takes no message; delivering here", extra={"cause": type(error).__name__})
        Slice(runtime(), _calls()).run(leases, listen=False)


def _sweep() -> None:
    _calls().sweep()


app.steps["worker"].add(WakerStep)
lifecycle.install(app)
