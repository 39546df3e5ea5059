"""What TikTok's answer means for the events of a request, sorted by what to do next.

The body's `code` decides; the HTTP status only where there is no JSON envelope, since TikTok answers nearly all
errors with HTTP 200 and some throttling with 401. Sources of the table: TikTok's appendix of return codes.

Outcome
├── DELIVERED      settled
├── REJECTED       some event of the request is at fault: isolate it, send the rest
├── SPLIT          the request is too large: send it in halves
├── THROTTLED      wait for the window; no attempt used
├── UNAVAILABLE    back off; one attempt used; the breaker counts it
├── UNAUTHORIZED   the destination pauses; no attempt used
├── MISCONFIGURED  the destination pauses with the reason; no attempt used
└── PARTIAL        recorded raw, never counted as success for all
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from worker.redaction import redact


class Outcome(StrEnum):
    """What to do next with the events of a request."""

    DELIVERED = "delivered"
    REJECTED = "rejected"
    SPLIT = "split"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    UNAUTHORIZED = "unauthorized"
    MISCONFIGURED = "misconfigured"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Verdict:
    """TikTok's answer, understood.

    `message` is TikTok's where it is `quoted`, with anything that looks like an identifier struck out. `once` marks
    an answer that is worth one delayed retry and then a person's eyes. `index` is the place in `data` that the
    message names. `wait_seconds` is how long a throttled source has to wait; the source of the event beside it may not.
    """

    outcome: Outcome
    code: int | None = None
    message: str = ""
    request_id: str | None = None
    once: bool = False
    index: int | None = None
    failed: tuple[int | str, ...] = ()
    wait_seconds: float = 0.0
    quoted: bool = False

    @property
    def told(self) -> str:
        """What may leave the house in an alert: our own words. TikTok's could quote an event in any form."""
        if not self.quoted:
            return self.message
        meaning = CODES[self.code][1] if self.code in CODES else ""
        known = "" if self.code is None else f"code {self.code}{f' ({meaning})' if meaning else ''}"
        return ", ".join(filter(None, (known, f"request {self.request_id}" if self.request_id else ""))) or self.outcome


CODES: dict[int, tuple[Outcome, str]] = {
    0: (Outcome.DELIVERED, "success"),
    20001: (Outcome.PARTIAL, "partially successful"),
    40000: (Outcome.REJECTED, "parameters invalid"),
    40001: (Outcome.UNAUTHORIZED, "no permission for the operation"),
    40002: (Outcome.REJECTED, "parameter error, see the message"),
    40006: (Outcome.MISCONFIGURED, "API version incompatible with the parameters"),
    40007: (Outcome.MISCONFIGURED, "object or operation does not exist"),
    40008: (Outcome.MISCONFIGURED, "endpoint not implemented"),
    40009: (Outcome.MISCONFIGURED, "not available in the sandbox environment"),
    40010: (Outcome.MISCONFIGURED, "wrong domain"),
    40011: (Outcome.SPLIT, "too many ids in one request"),
    40013: (Outcome.MISCONFIGURED, "not available in the sandbox environment"),
    40014: (Outcome.MISCONFIGURED, "not available in the sandbox environment"),
    40016: (Outcome.THROTTLED, "too frequent, app level"),
    40050: (Outcome.UNAVAILABLE, "duplicated request; retried once, then for a person"),
    40051: (Outcome.MISCONFIGURED, "invalid API version"),
    40100: (Outcome.THROTTLED, "too frequent, endpoint at app level"),
    40101: (Outcome.UNAUTHORIZED, "authorization parameters invalid"),
    40102: (Outcome.UNAUTHORIZED, "access token expired"),
    40103: (Outcome.UNAUTHORIZED, "refresh token expired"),
    40104: (Outcome.UNAUTHORIZED, "access token empty"),
    40105: (Outcome.UNAUTHORIZED, "access token invalid"),
    40106: (Outcome.UNAUTHORIZED, "token and advertiser do not match"),
    40107: (Outcome.UNAUTHORIZED, "refresh token invalid"),
    40108: (Outcome.MISCONFIGURED, "grant type unsupported"),
    40109: (Outcome.UNAUTHORIZED, "deciphering error"),
    40110: (Outcome.UNAUTHORIZED, "authorization code cancelled, used or expired"),
    40112: (Outcome.UNAUTHORIZED, "wrong password"),
    40113: (Outcome.UNAUTHORIZED, "app blocked or missing"),
    40115: (Outcome.UNAUTHORIZED, "authorization timestamp expired"),
    40116: (Outcome.UNAUTHORIZED, "bad signature"),
    40117: (Outcome.MISCONFIGURED, "method cannot be used"),
    40118: (Outcome.UNAUTHORIZED, "not on the allow-list"),
    40119: (Outcome.UNAUTHORIZED, "developer and advertiser differ in company"),
    40124: (Outcome.UNAUTHORIZED, "developer profile missing"),
    40125: (Outcome.UNAUTHORIZED, "developer permission missing"),
    40132: (Outcome.THROTTLED, "too frequent for this event source"),
    40133: (Outcome.THROTTLED, "too frequent for this advertiser"),
    40201: (Outcome.UNAVAILABLE, "task not ready"),
    40202: (Outcome.UNAVAILABLE, "write conflict"),
    40300: (Outcome.MISCONFIGURED, "advertiser missing"),
    40301: (Outcome.MISCONFIGURED, "advertiser does not match"),
    40700: (Outcome.UNAVAILABLE, "internal validation error; retried once, then for a person"),
    40901: (Outcome.UNAVAILABLE, "transcoding failed"),
    40902: (Outcome.UNAVAILABLE, "transcoding failed"),
    40903: (Outcome.UNAVAILABLE, "fetch failed"),
    40913: (Outcome.UNAVAILABLE, "fetch failed"),
    41000: (Outcome.MISCONFIGURED, "client address in a blocked country"),
    41001: (Outcome.MISCONFIGURED, "interface offline"),
    41002: (Outcome.REJECTED, "fields not in use"),
    50000: (Outcome.UNAVAILABLE, "system error"),
    50002: (Outcome.UNAVAILABLE, "processing error at TikTok"),
    51305: (Outcome.UNAVAILABLE, "service error"),
    60001: (Outcome.UNAVAILABLE, "maintenance"),
}
"""Return code: (what to do, what TikTok means). Codes that are not listed go by their range, see :func:`of_code`."""

_ONCE = frozenset({40050, 40700})
_INDEX = re.compile(r"(?:\bdata|\bbatch|\bindex)[\s.\[]*(\d{1,4})\b", re.IGNORECASE)


def of_code(code: int) -> Outcome:
    """Return what to do after `code`, listed or not."""
    if code in CODES:
        return CODES[code][0]
    if 40100 <= code < 40200:
        return Outcome.UNAUTHORIZED
    if 40000 <= code < 50000:
        return Outcome.REJECTED
    return Outcome.UNAVAILABLE


def of_status(status: int) -> Outcome:
    """Return what to do after an HTTP answer without a JSON envelope."""
    if status in (408, 425):
        return Outcome.UNAVAILABLE
    if status == 429:
        return Outcome.THROTTLED
    if status in (401, 403):
        return Outcome.UNAUTHORIZED
    if status == 413:
        return Outcome.SPLIT
    if 300 <= status < 400 or status in (404, 405, 415):
        return Outcome.MISCONFIGURED
    if 400 <= status < 500:
        return Outcome.REJECTED
    # 5xx from a gateway, and 200 with HTML or a truncated body: nobody knows whether the events landed.
    return Outcome.UNAVAILABLE


def judge(status: int, body: object) -> Verdict:
    """Return what an HTTP answer means. `body` is the decoded JSON, or None where there was none."""
    if not isinstance(body, Mapping) or not _is_code(body.get("code")):
        return Verdict(of_status(status), message=f"HTTP {status} without a JSON envelope")
    code: int = body["code"]
    message = redact(str(body.get("message") or ""))[:500]
    request_id = body.get("request_id")
    found = _INDEX.search(message)
    return Verdict(
        of_code(code),
        code=code,
        message=message,
        request_id=request_id[:100] if isinstance(request_id, str) else None,
        once=code in _ONCE,
        index=int(found[1]) if found else None,
        failed=_failed(body.get("data")) if code == 20001 else (),
        quoted=True,
    )


def _is_code(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _failed(data: Any) -> tuple[int | str, ...]:
    """Return which events a partial answer names as failed, by index or by event id.

    What TikTok puts there is not published, so only an unmistakable list is believed: one whose every element is
    an object with an integer `index` or a text `event_id`.
    """
    lists = [each for each in data.values() if isinstance(each, list)] if isinstance(data, Mapping) else []
    if len(lists) != 1 or not lists[0]:
        return ()
    named: list[int | str] = []
    for each in lists[0]:
        if not isinstance(each, Mapping):
            return ()
        if _is_code(each.get("index")):
            named.append(each["index"])
        elif isinstance(each.get("event_id"), str):
            named.append(each["event_id"])
        else:
            return ()
    return tuple(named)
