"""Which knobs does the sandbox have?

Each stands for something that public material leaves open, or that a test wants to turn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

from worker.sandbox.complaints import INDEX_FORMS, IndexForm

Envelope = Literal["code", "error.code"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How this sandbox answers; see the comment of each knob."""

    # Refuse identifiers in clear. TikTok itself takes them in silence (code 0) and matches nobody.
    strict_hashes: bool = True
    # How a message names the event at fault.
    index_form: IndexForm = "documented"
    # HTTP status of 40100 to 40116: 200 in most reports, 401 or 403 in some.
    auth_http_status: int = 200
    # HTTP status of all other refusals: 200 in most reports, 400 in some.
    refusal_http_status: int = 200
    # The answer over a limit: 40100, 40016, 40132, 40133, or 429 for a bare HTTP 429.
    throttle_code: int = 40100
    throttle_http_status: int = 200
    # Limits for each token and endpoint; TikTok's own are 1,000, 600,000 and 86,400,000 requests.
    requests_per_second: int | None = None
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    # Over this a body gets HTTP 413. TikTok's cap is not public; ours only guards the sandbox's memory.
    max_body_bytes: int = 64 * 1024 * 1024
    # Cap of offline/batch/; TikTok's is not public.
    legacy_batch_limit: int = 50
    # Event sets and pixels that exist (others: 40007); None: all. Sets made by offline/create/ always do.
    event_source_ids: frozenset[str] | None = None
    # event_source = "app" is for TikTok's allow-list only (others: 40118).
    app_events_allowed: bool = True
    # The order endpoint: a path such as "/order/sync/". Nothing of it is public, so it is off by default.
    order_sync_path: str | None = None
    order_sync_wrapper: str = "order_info"
    order_sync_envelope: Envelope = "code"

    def with_changes(self, changes: Mapping[str, Any]) -> "Settings":
        """Returns these settings with ``changes``, as they stand in a script or a request.

        Raises ValueError that names every unknown or impossible setting.
        """
        faults = [
            f"settings.{name}: {_CHECKS[name][1] if name in _CHECKS else 'no such setting'}"
            for name, value in changes.items()
            if name not in _CHECKS or not _CHECKS[name][0](value)
        ]
        if faults:
            raise ValueError("; ".join(faults))
        values = dict(changes)
        if values.get("event_source_ids") is not None:
            values["event_source_ids"] = frozenset(values["event_source_ids"])
        return replace(self, **values)

    def as_mapping(self) -> dict[str, Any]:
        """Returns all settings in their JSON form."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.event_source_ids is not None:
            values["event_source_ids"] = sorted(self.event_source_ids)
        return values


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_count_or_none(value: Any) -> bool:
    return value is None or _is_count(value)


def _is_http_status(value: Any) -> bool:
    return _is_count(value) and 200 <= value <= 599


_BOOLEAN: Final = (_is_boolean, "must be true or false")
_COUNT: Final = (_is_count, "must be a whole number above 0")
_COUNT_OR_NONE: Final = (_is_count_or_none, "must be a whole number above 0, or null")
_HTTP_STATUS: Final = (_is_http_status, "must be an HTTP status from 200 to 599")

_CHECKS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "strict_hashes": _BOOLEAN,
    "index_form": (lambda value: value in INDEX_FORMS, f"must be one of {', '.join(INDEX_FORMS)}"),
    "auth_http_status": _HTTP_STATUS,
    "refusal_http_status": _HTTP_STATUS,
    "throttle_code": _COUNT,
    "throttle_http_status": _HTTP_STATUS,
    "requests_per_second": _COUNT_OR_NONE,
    "requests_per_minute": _COUNT_OR_NONE,
    "requests_per_day": _COUNT_OR_NONE,
    "max_body_bytes": _COUNT,
    "legacy_batch_limit": _COUNT,
    "event_source_ids": (
        lambda value: value is None or (isinstance(value, list) and all(isinstance(v, str) for v in value)),
        "must be a list of strings, or null",
    ),
    "app_events_allowed": _BOOLEAN,
    "order_sync_path": (
        lambda value: value is None or (isinstance(value, str) and value.startswith("/")),
        "must be a path that starts with /, or null",
    ),
    "order_sync_wrapper": (lambda value: isinstance(value, str) and bool(value), "must be a name"),
    "order_sync_envelope": (
        lambda value: value in ("code", "error.code"),
        "must be code or error.code",
    ),
}
