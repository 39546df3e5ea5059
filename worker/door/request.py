"""What does a request ask for, besides its events?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from werkzeug.datastructures import Headers

from tiktok_events.identity import id_fault
from worker.door.body import Parsed, lines, one_or_array
from worker.door.problems import Refusal

JSON = "application/json"
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")

EVENT_ID = r"[!-?A-~]([ -?A-~]{0,254}[!-?A-~])?"
KEY = r'"?[!#-~]{1,255}"?'
"""What may stand in the headers Event-Id and Idempotency-Key; the OpenAPI document says the same."""

_HANDLING = re.compile(r'(?:^|[,;])\s*handling\s*=\s*"?(\w+)"?', re.IGNORECASE)

Read = Callable[..., Iterator[Parsed]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a request wants to be read: its form, how it is checked, and whether all or nothing is taken."""

    read: Read
    gzipped: bool
    validate: str | None
    strict: bool
    event_id: str | None
    key: str | None
    canonical: str
    """The above in one text: two requests with one idempotency key must agree in it."""


def wishes(headers: Headers, query: Mapping[str, str]) -> Wishes:
    """Read headers and query. Raises Refusal."""
    form, gzipped = _form(headers.get("Content-Type", "")), _gzipped(headers.get("Content-Encoding", ""))
    if set(query) - {"validate"}:
        # A misspelt one would be passed over in silence.
        raise Refusal("malformed_request", "there is no query parameter but validate")
    validate = query.get("validate")
    if validate not in (None, "full", "shape"):
        raise Refusal("malformed_request", "validate: must be full or shape")
    event_id = headers.get("Event-Id")
    if event_id is not None:
        event_id = event_id.strip()
        if not re.fullmatch(EVENT_ID, event_id):
            raise Refusal("malformed_request", "Event-Id: must be 1 to 256 printable ASCII characters without @")
        if fault := id_fault(event_id):
            raise Refusal("malformed_request", f"Event-Id: {fault}")
        if form != JSON:
            raise Refusal("malformed_request", "Event-Id: is for a single event")
    strict = _handling(headers.get("Prefer", "")) == "strict"
    return Wishes(
        read=one_or_array if form == JSON else lines,
        gzipped=gzipped,
        validate=validate,
        strict=strict,
        event_id=event_id,
        key=headers.get("Idempotency-Key"),
        canonical="\n".join((form, str(gzipped), str(validate), str(strict), event_id or "")),
    )


def _form(content_type: str) -> str:
    name, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charset = next((part.partition("=")[2].strip('" ') for part in parameters if part.startswith("charset")), "utf-8")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise Refusal("unsupported_media_type", "the body must be UTF-8")
    if name in NDJSON:
        return NDJSON[0]
    if name != JSON:
        raise Refusal("unsupported_media_type", f"Content-Type must be {JSON} or {NDJSON[0]}")
    return name


def _gzipped(encoding: str) -> bool:
    if encoding.strip().lower() not in ("", "identity", "gzip"):
        raise Refusal("unsupported_media_type", "Content-Encoding must be gzip, or none")
    return encoding.strip().lower() == "gzip"


def _handling(prefer: str) -> str:
    found = _HANDLING.search(prefer)
    return found[1].lower() if found else "lenient"
