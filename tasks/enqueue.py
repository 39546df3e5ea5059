"""When an app that speaks Celery sends an event by the task's name."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress

import orjson
from celery import Task, shared_task

from tiktok_events import EnqueueError, Producer
from tiktok_events.errors import InboxFull, Unavailable
from tiktok_events.hashing import read_hashing
from tiktok_events.identity import event_identity
from tiktok_events.keys import ENQUEUE_TASK
from worker.connection import url_of_redis
from worker.dead_letters import Changes, DeadLetter
from worker.envelope import Envelope
from worker.keys import UNKNOWN, Keys
from worker.people import index_of
from worker.redaction import redact
from worker.registry import identifiers
from worker.runtime import Runtime, runtime

_AGAIN_SECONDS = 2

_producer: Producer | None = None


def accept(destination: str, event: object, *, producer: Producer, here: Runtime, now: float) -> str:
    """Put an event into its inbox; one that the door refuses becomes a dead letter, since nobody waits for an answer.

    Raises:
        InboxFull, Unavailable: it should be tried again.
    """
    try:
        return producer.enqueue(event, destination=destination)  # type: ignore[arg-type] # the door checks it
    except (InboxFull, Unavailable):
        raise
    except EnqueueError as error:
        known = destination in here.config.destinations
        return _bury(destination if known else UNKNOWN, event, error, here=here, now=now)


def _bury(place: str, event: object, error: EnqueueError, *, here: Runtime, now: float) -> str:
    identity = event_identity(event if isinstance(event, dict) else {"": str(event)})
    settings = here.config.destinations.get(place)
    if settings is not None and settings.hash_at_door and isinstance(event, dict):
        hashing = read_hashing(identifiers(settings))
        with suppress(EnqueueError):  # of what cannot be hashed nothing is
            event = hashing.hashed(event) if hashing else event
    payload = orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS)
    milliseconds = int(now * 1000)
    letter = DeadLetter(
        destination=place,
        reason="unknown_destination" if place == UNKNOWN else "undecodable",
        # The name that was asked for stands in it, and an app may have put anything there.
        message=redact(str(error)),
        envelope=Envelope(
            ref=f"{milliseconds}-c{secrets.token_hex(4)}",
            id=identity,
            payload=payload,
            enqueued_at=milliseconds,
        ),
        dead_at=now,
    )
    Changes(here.redis, Keys(place)).add(letter)
    index_of(here.redis, place, settings).note([letter.envelope])
    return identity


@shared_task(
    bind=True,
    name=ENQUEUE_TASK,
    ignore_result=True,
    acks_late=True,
    reject_on_worker_lost=True,
    # Redis or room in the inbox comes back; until then the event lives in the broker alone.
    max_retries=None,
)
def enqueue(self: Task[[str, object], None], destination: str, event: object) -> None:
    """Put one event into the inbox of `destination`."""
    global _producer  # one connection for each process; it survives a fork by itself
    if _producer is None:
        _producer = Producer(url_of_redis())
    try:
        accept(destination, event, producer=_producer, here=runtime(), now=time.time())
    except (InboxFull, Unavailable) as error:
        # Celery writes a readable copy of the arguments into the message; the event has no business there.
        raise self.retry(  # type: ignore[call-arg] # celery-types does not know the option
            exc=error, countdown=_AGAIN_SECONDS, argsrepr="(event)"
        ) from None
