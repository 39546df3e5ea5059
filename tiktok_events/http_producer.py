"""How does an app enqueue events where it cannot reach Redis? Through the HTTP door.

::

    from tiktok_events import HttpProducer

    with HttpProducer("https://events.example.com", token) as producer:
        producer.enqueue({"event": "Order Completed", ...}, destination="stores")

Calls, order and errors are those of ``Producer``. Nothing but the standard library is used.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from tiktok_events.door_answers import Answer, fault_of
from tiktok_events.encoding import encode_event
from tiktok_events.errors import EnqueueError, InvalidEvent, UnknownDestination
from tiktok_events.identity import id_fault
from tiktok_events.keys import check_destination

_CHUNK_EVENTS = 500
_CHUNK_BYTES = 1_048_576


class HttpProducer:
    """Puts events into inboxes through the HTTP door. Threads may share one; a forked child may go on using it.

    Each request carries an ``Idempotency-Key``, so that sending it again after a lost answer stores nothing twice.

    Args:
        url: where the door is; https outside this machine.
        token: an access token with the scope ``enqueue``.
        timeout_seconds: how long one request may take, its retries included.
        max_event_bytes: how many bytes of JSON one event may have; the door may allow less.
        validate: ``"full"`` or ``"shape"``; default: what the destination says.

    Raises:
        Unavailable: URL or token are none.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_seconds: float = 5.0,
        max_event_bytes: int = 262_144,
        validate: str | None = None,
    ) -> None:
        # Here, because an app that writes to Redis itself shall not wait at its start for HTTP's modules.
        from tiktok_events.door_client import DoorClient

        self._client = DoorClient(url, token, timeout_seconds=timeout_seconds)
        self._max_event_bytes = max_event_bytes
        self._query = f"?validate={validate}" if validate else ""

    def enqueue(self, event: dict[str, Any], *, destination: str, event_id: str | None = None) -> str:
        """Stores one event and returns its id; see ``Producer.enqueue``."""
        headers = {}
        if event_id is not None:
            if not isinstance(event_id, str) or not event_id.strip():
                raise InvalidEvent("event_id: not a text, or blank")
            fault = id_fault(event_id.strip()) or ("has characters outside ASCII" if not event_id.isascii() else None)
            if fault:
                raise InvalidEvent(f"event_id: {fault}")
            headers["Event-Id"] = event_id.strip()
        body = encode_event(event, max_bytes=self._max_event_bytes)
        answer = self._send(destination, body, {"Content-Type": "application/json", **headers})
        if fault_found := fault_of(answer):
            raise fault_found
        return str(answer.ids[0])

    def enqueue_many(self, events: Iterable[dict[str, Any]], *, destination: str) -> list[str]:
        """Stores events in their order, many in one request, and returns their ids; see ``Producer.enqueue_many``."""
        ids: list[str] = []
        try:
            waiting: list[bytes] = []
            size = 0
            try:
                for event in events:
                    body = encode_event(event, max_bytes=self._max_event_bytes)
                    if len(waiting) >= _CHUNK_EVENTS or size + len(body) > _CHUNK_BYTES:
                        chunk, waiting, size = waiting, [], 0
                        self._send_lines(destination, chunk, ids)
                    waiting.append(body)
                    size += len(body)
            finally:
                # Empty if it was the sending that failed: what is refused once is not sent again.
                self._send_lines(destination, waiting, ids)
        except EnqueueError as error:
            error.stored, error.ids = len(ids), ids
            raise
        return ids

    def close(self) -> None:
        """Closes this thread's connection. A later call makes a new one."""
        self._client.close()

    def __enter__(self) -> HttpProducer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send_lines(self, destination: str, lines: list[bytes], ids: list[str]) -> None:
        """Stores all of the lines, or those before the first that is refused; appends their ids."""
        if not lines:
            return
        headers = {"Content-Type": "application/x-ndjson", "Prefer": "handling=strict"}
        answer = self._send(destination, b"\n".join(lines), headers)
        fault = fault_of(answer)
        if answer.refused is not None:
            # All or nothing: now those before it, as a producer does that stops at the first.
            self._send_lines(destination, lines[: answer.refused], ids)
        else:
            ids += [str(each) for each in answer.ids]
        if fault:
            raise fault

    def _send(self, destination: str, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            check_destination(destination)
        except ValueError as error:
            raise UnknownDestination(str(error)) from None
        path = f"/v1/destinations/{destination}/events{self._query}"
        status, raw = self._client.post(path, body, {**headers, "Idempotency-Key": uuid.uuid4().hex})
        try:
            told = json.loads(raw)
        except ValueError:
            told = None
        return Answer(status, told if isinstance(told, dict) else {})
