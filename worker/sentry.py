"""What Sentry may know: that something broke and where, and nothing of anybody's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.logging import LoggingIntegration

from worker.redaction import redact

if TYPE_CHECKING:
    from sentry_sdk._types import Event, Hint

_DROPPED = ("request", "user", "breadcrumbs", "extra", "server_name")


def start() -> None:
    """Set Sentry up from `SENTRY_DSN`; without one nothing is sent anywhere."""
    sentry_sdk.init(
        dsn=os.environ.get("SENTRY_DSN") or None,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=scrub,
        # One event for each incident is raised on purpose (alerts.py); log lines make none of their own.
        integrations=[CeleryIntegration(), LoggingIntegration(level=None, event_level=None)],
        auto_enabling_integrations=False,
    )


def scrub(event: Event, _hint: Hint) -> Event:
    """Return the event without anything that could hold a value of somebody's event."""
    for name in _DROPPED:
        event.pop(name, None)  # type: ignore[misc] # names of the event's own optional keys
    contexts = event.get("contexts")
    if contexts is not None:
        # Celery's integration puts the arguments of the task here.
        contexts.pop("celery-job", None)
    for value in (event.get("exception") or {}).get("values", []):
        if isinstance(value.get("value"), str):
            value["value"] = redact(value["value"])
        for frame in (value.get("stacktrace") or {}).get("frames", []):
            frame.pop("vars", None)
    return event
