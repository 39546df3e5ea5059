"""Who is told when something needs a person: the log, Sentry and a webhook, once for each incident."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass

import requests

from worker import sentry
from worker.sessions import new_session

log = logging.getLogger(__name__)

KINDS: dict[str, str] = {
    "paused": "a destination stopped and waits for a person or a new token",
    "breaker_open": "TikTok fails too often; requests stop and are probed for",
    "partial": "TikTok took a request in part and did not say which part",
    "dead_letters": "more dead letters in a minute than `dead_letters_alert`",
    "backlog": "the oldest waiting event is older than `backlog_alert`",
    "redis": "Redis is set up in a way that loses events",
}
"""Kind of incident: what it means."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """Tells of incidents. Callers call it once for each, not once for each event."""

    webhook: str | None = None

    def tell(self, kind: str, destination: str, detail: str) -> None:
        """Tell of an incident of a kind in :data:`KINDS`. `detail` holds no value of an event."""
        log.error("incident", extra={"incident": kind, "destination": destination, "detail": detail})
        if (sentry_sdk := sentry.sdk()) is not None:
            with sentry_sdk.new_scope() as scope:
                scope.fingerprint = ["tiktok-events", kind, destination]
                scope.set_tag("incident", kind)
                scope.set_tag("destination", destination)
                scope.set_context("incident", {"meaning": KINDS[kind], "detail": detail})
                scope.capture_message(f"{kind}: {destination}", level="error")
        if self.webhook:
            self._post(self.webhook, kind, destination, detail)

    def _post(self, url: str, kind: str, destination: str, detail: str) -> None:
        told = {
            "incident": kind,
            "meaning": KINDS[kind],
            "destination": destination,
            "detail": detail,
            "host": socket.gethostname(),
        }
        try:
            # Not read: what it says is of no use, and could be without end.
            with new_session() as session:
                session.post(url, json=told, timeout=3.0, allow_redirects=False, stream=True)
        except requests.RequestException as error:
            # An alert that cannot be sent must not stop a delivery; the log and Sentry have it.
            log.warning("webhook failed", extra={"incident": kind, "cause": type(error).__name__})
