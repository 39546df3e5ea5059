"""What Sentry may know: that something broke and where, and nothing of anybody's.

What is sent is chosen, not cleaned: a part of an event that stands in none of the lists below is left out, so that
what a new version of the SDK adds is left out, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from worker.release import VERSION
from worker.sampling import Sampler

if TYPE_CHECKING:
    from sentry_sdk._types import Event, Hint

_SENT = frozenset(
    {
        "contexts",
        "dist",
        "environment",
        "event_id",
        "exception",
        "fingerprint",
        "level",
        "message",
        "modules",
        "platform",
        "release",
        "sdk",
        "spans",
        "start_timestamp",
        "tags",
        "timestamp",
        "transaction",
        "transaction_info",
        "type",
    }
)
_CONTEXTS = frozenset({"trace", "incident", "dead_letter"})
_TAGS = frozenset({"incident", "destination", "reason", "code", "celery_task_id"})
_EXCEPTION = frozenset({"type", "module", "mechanism", "stacktrace", "thread_id"})
"""Not its text: a library may quote in it what it was working on."""
_MECHANISM = frozenset({"type", "handled", "exception_id", "parent_id", "is_exception_group", "source"})
_FRAME = frozenset({"filename", "abs_path", "function", "module", "lineno", "in_app"})
_SPAN = frozenset(
    {
        "data",
        "description",
        "op",
        "origin",
        "parent_span_id",
        "same_process_as_parent",
        "span_id",
        "start_timestamp",
        "status",
        "timestamp",
        "trace_id",
        "dynamic_sampling_context",
    }
)
_SPAN_DATA = ("messaging.", "tiktok_events.", "http.request.method", "server.address", "url.path", "sentry.", "thread.")
"""How the names of what a span says begin."""


def start() -> None:
    """Set Sentry up from `SENTRY_DSN`; without one nothing of it runs.

    Raises:
        ValueError: `SENTRY_TRACES_SAMPLE_RATE` is no number from 0 to 1.
    """
    dsn = os.environ.get("SENTRY_DSN")
    if not dsn:
        return
    # Imported here: the SDK, and Celery's beat that its integration brings along, are a tenth of a worker's start each.
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.modules import ModulesIntegration
    from sentry_sdk.integrations.threading import ThreadingIntegration

    sentry_sdk.init(
        dsn=dsn,
        release=os.environ.get("SENTRY_RELEASE") or f"tiktok-events@{VERSION}",
        environment=os.environ.get("SENTRY_ENVIRONMENT") or None,
        traces_sample_rate=_rate(os.environ.get("SENTRY_TRACES_SAMPLE_RATE") or "0"),
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        # TikTok and webhooks have no business with our traces.
        trace_propagation_targets=[],
        before_send=_Gate(),
        before_send_transaction=chosen,
        # `send_default_pii` is off unless asked for. The SDK's own integrations would read argv, log lines, the
        # commands of subprocesses and every URL.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda _pending, _timeout: None),
            CeleryIntegration(),
            DedupeIntegration(),
            ExcepthookIntegration(),
            ModulesIntegration(),
            ThreadingIntegration(),
        ],
    )


def sdk() -> Any:
    """Return the SDK's module, None where nobody has imported it: then nobody has set it up, either."""
    return sys.modules.get("sentry_sdk")


def capture(error: BaseException | tuple[Any, ...]) -> None:
    """Tell Sentry of an exception, or of what `sys.exc_info` returns, if it runs."""
    if (sentry_sdk := sdk()) is not None:
        sentry_sdk.capture_exception(error)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise ValueError("SENTRY_TRACES_SAMPLE_RATE: not a number from 0 to 1")
    return rate


class _Gate:
    """Lets through what may be sent, and of the same crash five a minute: a fault meets a thousand events a second."""

    def __init__(self) -> None:
        self._crashes = Sampler(most=5, seconds=60.0)

    def __call__(self, event: Event, _hint: Hint) -> Event | None:
        exceptions = (event.get("exception") or {}).get("values") or []
        if exceptions and self._crashes.ask(_place(exceptions[-1])) is None:
            return None
        return chosen(event, _hint)


def _place(exception: Mapping[str, Any]) -> tuple[object, ...]:
    frames = (exception.get("stacktrace") or {}).get("frames") or [{}]
    return exception.get("type"), frames[-1].get("filename"), frames[-1].get("lineno")


def chosen(event: Event, _hint: Hint) -> Event:
    """Return the event with what may be sent of it."""
    told: dict[str, Any] = _only(event, _SENT)
    contexts = _only(told.get("contexts") or {}, _CONTEXTS)
    if "trace" in contexts:
        contexts["trace"] = _span(contexts["trace"])
    told["contexts"] = contexts
    told["tags"] = _only(told.get("tags") or {}, _TAGS)
    if "spans" in told:
        told["spans"] = [_span(span) for span in told["spans"]]
    if "exception" in told:
        told["exception"] = {"values": [_exception(each) for each in told["exception"].get("values") or []]}
    return told  # type: ignore[return-value] # a part of what came


def _exception(given: Mapping[str, Any]) -> dict[str, Any]:
    told = _only(given, _EXCEPTION)
    told["mechanism"] = _only(told.get("mechanism") or {}, _MECHANISM)
    frames = (told.get("stacktrace") or {}).get("frames") or []
    told["stacktrace"] = {"frames": [_only(frame, _FRAME) for frame in frames]}
    return told


def _span(given: Mapping[str, Any]) -> dict[str, Any]:
    told = _only(given, _SPAN)
    told["data"] = {key: value for key, value in (told.get("data") or {}).items() if key.startswith(_SPAN_DATA)}
    return told


def _only(given: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key in names}
