"""How does an app that speaks HTTP enqueue events? `POST /v1/destinations/{destination}/events`"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from flask import Blueprint, Request, Response, request
from redis import Redis
from redis.exceptions import RedisError

from schemas import EventMapper
from tiktok_events.errors import UnknownDestination
from worker.access import AccessTokens
from worker.config import Config, Destination
from worker.door import checks, trial
from worker.door.admission import Caller, admit_signature, admit_token, bearer, find
from worker.door.body import MAX_BODY_BYTES, WIRE_SHARE, checked, read_body, texts
from worker.door.idempotency import Idempotency
from worker.door.problems import KINDS, Refusal
from worker.door.request import Wishes, wishes
from worker.door.taking import Outcome, Stopped, Stores, Taking

log = logging.getLogger(__name__)

PATH = "/v1/destinations/<destination>/events"
_OTHER_METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE")
_WAIT_SECONDS = 5


def blueprint(config: Config, redis: Redis, producer: Stores, *, clock: Callable[[], float] = time.time) -> Blueprint:
    """Return the door as a blueprint, to be mounted at the root and left out of sign-in and CSRF protection.

    It has an admission of its own: an access token with the scope `enqueue`, or a signature. No cookie counts.
    """
    found = Blueprint("door", __name__)
    door = Door(config, redis, producer, clock)
    found.add_url_rule(PATH, "events", door.post, methods=["POST"], provide_automatic_options=False)
    found.add_url_rule(
        PATH, "other_methods", _other_method, methods=list(_OTHER_METHODS), provide_automatic_options=False
    )
    trial.add_to(found)
    return found


class Door:
    """The door of every destination. Threads share it."""

    def __init__(self, config: Config, redis: Redis, producer: Stores, clock: Callable[[], float]) -> None:
        self._config = config
        self._redis = redis
        self._producer = producer
        self._clock = clock
        self._tokens = AccessTokens(redis, clock=clock)
        # Compiled once a destination; two threads that come first at once compile it twice, and nothing else.
        self._mapper: Callable[[str], EventMapper] = cache(lambda name: config.destinations[name].mapper())

    def post(self, destination: str) -> Response:
        """Answer one request. Nothing of an event is in the answer but its id."""
        try:
            return self._taken(request, destination)
        except Stopped as stopped:
            told = {**stopped.outcome.told(), "next": len(stopped.outcome.ids)}
            return _refused(stopped.refusal, told)
        except Refusal as refusal:
            return _refused(refusal, {})
        except UnknownDestination:
            # The configuration here is newer than that of the workers who wrote down which there are.
            return _refused(Refusal("unknown_destination", "no worker has this destination yet"), {})
        except RedisError as error:
            log.warning("Redis does not answer", extra={"cause": type(error).__name__})
            return _refused(
                Refusal("unavailable", "the queue cannot be reached", retry_after_seconds=_WAIT_SECONDS), {}
            )

    def _taken(self, request: Request, name: str) -> Response:
        token = bearer(request.headers.get("Authorization"))
        caller = None if token is None else admit_token(self._tokens, token, name, self._config)
        # The pages beside it take no more than a form.
        request.max_content_length = MAX_BODY_BYTES
        wanted = wishes(request.headers, request.args)
        length = checked(request.content_length)
        # Asking for the stream already ends a request that is too long, in Flask's words.
        raw = read_body(request.stream, length)
        caller = caller or admit_signature(raw, request.headers, name, self._config)
        memory = Idempotency(
            self._redis,
            caller=caller.identity,
            destination=name,
            key=wanted.key,
            request=wanted.canonical.encode() + b"\0" + raw,
        )
        begun = memory.begin()
        outcome = begun.outcome
        if not begun.answered:
            try:
                outcome = self._stored(raw, wanted, caller, find(name, self._config), begun.outcome)
            except Stopped as stopped:
                memory.end(stopped.outcome, whole=False)
                raise
            except BaseException:
                memory.end(begun.outcome, whole=False)
                raise
            memory.end(outcome, whole=True)
            self._tell(name, caller, outcome)
        response = _answer(outcome)
        if begun.answered:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    def _stored(self, raw: bytes, wanted: Wishes, caller: Caller, destination: Destination, done: Outcome) -> Outcome:
        pieces = texts(raw, gzipped=wanted.gzipped)
        events = wanted.read(pieces, max_characters=WIRE_SHARE * destination.max_event_bytes)
        validate = wanted.validate or ("shape" if caller.signed else destination.door.validate)
        check: checks.Check | None = None
        if validate == "full":
            check = checks.full(destination, self._mapper(destination.name), self._clock)
        elif wanted.strict:
            # Elsewhere the producer says the same when it stores.
            check = checks.shape(destination)
        taking = Taking(self._producer, destination.name, check)
        if wanted.event_id is not None:
            found = list(events)
            if len(found) != 1:
                raise Refusal("malformed_request", "Event-Id: is for a single event")
            return taking.one(found[0], wanted.event_id)
        return taking.strict(events) if wanted.strict else taking.lenient(events, done=done)

    def _tell(self, destination: str, caller: Caller, outcome: Outcome) -> None:
        refused = len(outcome.ids) - outcome.accepted
        log.log(
            logging.INFO if refused else logging.DEBUG,
            "events taken",
            extra={
                "destination": destination,
                "caller": caller.name,
                "accepted": outcome.accepted,
                "refused": refused,
            },
        )


def _answer(outcome: Outcome) -> Response:
    told = outcome.told()
    if not outcome.errors:
        return _json(told, 202, "application/json")
    return _refused(Refusal("invalid_events", _how_many(outcome)), told)


def _how_many(outcome: Outcome) -> str:
    refused, wrong = len(outcome.ids) - outcome.accepted, len({error.index for error in outcome.errors})
    if wrong < refused:
        return f"{wrong} of {len(outcome.ids)} events are wrong; none was taken, as handling=strict asks"
    return f"{refused} of {len(outcome.ids)} events were refused"


def _refused(refusal: Refusal, told: dict[str, Any]) -> Response:
    response = _json({**refusal.document(), **told}, refusal.kind.status, "application/problem+json")
    if refusal.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    if refusal.code == "unauthorized":
        response.headers["WWW-Authenticate"] = 'Bearer realm="tiktok-events"'
    return response


def _json(told: dict[str, Any], status: int, media_type: str) -> Response:
    response = Response(orjson.dumps(told), status, content_type=media_type)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _other_method(destination: str) -> Response:  # noqa: ARG001 # the same for every destination
    kind = KINDS["method_not_allowed"]
    response = _refused(Refusal("method_not_allowed", kind.advice), {})
    response.headers["Allow"] = "POST"
    return response
