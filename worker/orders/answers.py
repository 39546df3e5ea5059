"""What the order endpoint's answer means. Its form is not public: the conditions and codes are settings.

Known are two forms: TikTok's usual envelope (`code`, `message`, `request_id`) and that of its nearest public
relative (`error.code`, `error.message`, `error.log_id`), whose codes are texts and may be negative.
"""

from __future__ import annotations

from typing import Any

from schemas.paths import parts_of, read
from worker.config.order_sync import OrderSync
from worker.errors import Outcome, Verdict, of_code, of_status
from worker.redaction import redact

_CODES = (parts_of("code"), parts_of("error.code"))
_MESSAGES = (parts_of("message"), parts_of("error.message"))
_REQUEST_IDS = (parts_of("request_id"), parts_of("error.log_id"))

RELATIVE_CODES: dict[str, tuple[Outcome, str]] = {
    "-9990001": (Outcome.REJECTED, "parameter error"),
    "-3000000": (Outcome.UNAUTHORIZED, "no permission"),
    "-9990202": (Outcome.UNAVAILABLE, "temporary failure"),
}
"""Codes of the nearest public relative: (what to do, what they mean). Positive ones are read as everywhere else."""


def judge(status: int, body: object, settings: OrderSync) -> Verdict:
    """Return what an HTTP answer means. `body` is the decoded JSON, or None where there was none."""
    if not isinstance(body, dict):
        return Verdict(of_status(status), message=f"HTTP {status} without a JSON envelope")
    code = _text(_first(body, *_CODES))
    number = int(code) if code.lstrip("-").isdecimal() and len(code) < 12 else None
    told: dict[str, Any] = {
        "code": number,
        "message": redact(_text(_first(body, *_MESSAGES)))[:500],
        "request_id": _text(_first(body, *_REQUEST_IDS))[:100] or None,
        "quoted": True,
    }
    if any(_equal(read(body, parts_of(each.path)), each.equals) for each in settings.success):
        return Verdict(Outcome.DELIVERED, **told)
    if code in settings.error_codes:
        return Verdict(settings.error_codes[code], **told)
    if code in RELATIVE_CODES:
        return Verdict(RELATIVE_CODES[code][0], **told)
    if not number:
        # No code, or one that means success elsewhere: nobody knows whether the update was taken.
        outcome = of_status(status) if status >= 300 else Outcome.UNAVAILABLE
        return Verdict(outcome, **{**told, "message": told["message"] or "no condition of success holds"})
    outcome = of_code(number)
    # Taken in part, or too large, has no meaning for one update.
    return Verdict(outcome if outcome not in (Outcome.PARTIAL, Outcome.SPLIT) else Outcome.REJECTED, **told)


def _first(body: dict[str, Any], *places: tuple[str, ...]) -> Any:
    found = [value for value in (read(body, parts) for parts in places) if value is not None]
    return found[0] if found else None


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _equal(found: object, wanted: object) -> bool:
    # In Python 1 == True; in JSON it is not.
    return type(found) is type(wanted) and found == wanted
