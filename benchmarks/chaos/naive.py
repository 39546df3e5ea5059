"""How do the usual set-ups fare: one Celery task for each event, which carries it?

Everything but the queue is the same as in the project's worker: contract, mapping, client, judgement of answers,
backoff, Redis, kills. `acks_late` is on; `task_reject_on_worker_lost` is what the two of them differ in.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from celery import Celery, Task
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.chaos.account import REJECTED
from benchmarks.chaos.ours import configure
from benchmarks.chaos.producer import Stored
from benchmarks.chaos.subject import DESTINATION, Surroundings
from schemas import Mapper, Refused
from tiktok_events.brokers import choose_broker
from worker.backoff import delay_seconds
from worker.client import TikTokClient
from worker.config import Destination, load
from worker.connection import connect
from worker.errors import Outcome
from worker.grouping import group, request

_QUEUE = "naive"
_TASK = "naive.send"
_DEAD = "naive:dead"
_REJECT_ON_LOST = "NAIVE_REJECT_ON_WORKER_LOST"
_VISIBILITY_SECONDS = 30

app = Celery("naive", broker=choose_broker().url)
app.conf.update(
    task_default_queue=_QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=bool(os.environ.get(_REJECT_ON_LOST)),
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    # The default of an hour would have a killed worker's events wait that long.
    broker_transport_options={"visibility_timeout": _VISIBILITY_SECONDS},
)


@cache
def _collaborators() -> tuple[Destination, Mapper, TikTokClient, Redis]:
    destination = load().destinations[DESTINATION]
    return destination, Mapper(destination.mapping), TikTokClient(), connect()


@app.task(name=_TASK, bind=True, max_retries=50)
def send(self: Task[..., None], event: dict[str, Any]) -> None:
    """Deliver one event; try again later if need be."""
    destination, mapper, client, redis = _collaborators()
    now = time.time()
    mapped = mapper.map(event, event_id=event["messageId"], received_at=now, now=now)
    if isinstance(mapped, Refused):
        redis.rpush(_DEAD, json.dumps([event["messageId"], mapped.reason]))
        return
    (key,) = group(mapped.items)
    path, body = request(destination, key, mapped.items)
    verdict = client.post(
        destination.base_url + path,
        body,
        token=destination.credentials.access_token,
        timeout_seconds=destination.timeout_seconds,
    )
    if verdict.outcome is Outcome.DELIVERED:
        return
    retry, wait = destination.retry, 1.0
    if verdict.outcome is Outcome.REJECTED:
        try:
            redis.rpush(_DEAD, json.dumps([event["messageId"], REJECTED]))
            return
        except RedisError:
            pass  # as for an answer that did not come
    elif verdict.outcome is not Outcome.THROTTLED:
        attempts = self.request.retries + 1
        wait = delay_seconds(attempts, least=retry.min_backoff_seconds, most=retry.max_backoff_seconds)
    raise self.retry(countdown=wait)


class Naive:
    """One task an event."""

    application = "benchmarks.chaos.naive"
    under_way = 1
    quiet_seconds = 2.0 * _VISIBILITY_SECONDS

    def __init__(self, where: Surroundings, *, reject_on_worker_lost: bool) -> None:
        self.name = "naive-reject-on-lost" if reject_on_worker_lost else "naive-acks-late"
        self._environment = configure(where, batch_size=1)
        if reject_on_worker_lost:
            self._environment[_REJECT_ON_LOST] = "1"
        self._redis = connect(where.redis_url)
        # An app of its own: the one above has the broker of this process's environment.
        broker = where.redis_url.replace("unix://", "redis+socket://", 1)
        self._app = Celery("naive-producer", broker=broker, set_as_current=False)
        self._app.conf.task_ignore_result = True

    def environment(self) -> Mapping[str, str]:
        """Return the environment of its workers."""
        return self._environment

    def store(self, part: Sequence[dict[str, Any]]) -> Stored:
        """Send a task for each event."""
        for certain, event in enumerate(part):
            try:
                self._app.send_task(_TASK, (event,), queue=_QUEUE)
            except Exception:
                # The broker's client raises what it likes; the task may have been stored.
                return Stored(certain, 1)
        return Stored(len(part))

    def holders(self) -> None:
        """Celery does not say who holds what."""

    def unsettled(self) -> int:
        """Return what is queued and what was handed out and not acknowledged."""
        return int(self._redis.llen(_QUEUE)) + int(self._redis.hlen("unacked"))

    def dead(self) -> list[tuple[str, str]]:
        """Return what TikTok or the contract refused."""
        return [(event_id, reason) for event_id, reason in map(json.loads, self._redis.lrange(_DEAD, 0, -1))]

    def close(self) -> None:
        """Close its connections."""
        self._app.close()
        self._redis.close()
