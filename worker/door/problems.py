"""What can the door refuse, and what does the caller do then?

One closed list: the code raises its names, and docs/http.md and the OpenAPI document are generated from it. An answer
is a problem document (RFC 9457). No text of it holds a value of an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of refusal. `retry` says whether the same request may succeed later."""

    status: int
    title: str
    advice: str
    retry: bool = False


KINDS: Mapping[str, Kind] = {
    "invalid_events": Kind(
        400, "Some events were refused", "mend the events that `errors` names; those with an id in `ids` were taken"
    ),
    "malformed_body": Kind(400, "The body cannot be read", "send JSON in UTF-8: one object, an array, or lines"),
    "malformed_request": Kind(400, "A header or parameter is wrong", "mend what `detail` names"),
    "unauthorized": Kind(401, "Nobody vouches for this request", "send an access token, or a valid X-Signature"),
    "forbidden": Kind(403, "The token does not allow this", "use a token with the scope enqueue for this destination"),
    "unknown_destination": Kind(404, "There is no such destination", "mend the name in the URL"),
    "method_not_allowed": Kind(405, "Only POST is taken", "send a POST"),
    "key_in_use": Kind(409, "A request with this key is under way", "wait and send the same again", retry=True),
    "length_required": Kind(411, "The length of the body is not known", "send Content-Length"),
    "too_large": Kind(413, "The request is too large", "send it in several requests; go on at `next`, if it is there"),
    "unsupported_media_type": Kind(
        415, "The form of the body is not taken", "send application/json or application/x-ndjson, plain or gzip"
    ),
    "key_reused": Kind(422, "The key was used for another request", "make a new Idempotency-Key for each request"),
    "inbox_full": Kind(429, "The destination's inbox is full", "wait, then go on at `next`", retry=True),
    "unavailable": Kind(
        503, "The queue cannot be reached", "send the same again later, or go on at `next`", retry=True
    ),
}
"""Code: its status, title and advice."""


class Refusal(Exception):  # noqa: N818 # what it is, not that something broke
    """The door does not take a request. `code` is a key of `KINDS`; `detail` holds nothing of an event."""

    def __init__(self, code: str, detail: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds

    @property
    def kind(self) -> Kind:
        """Return what is said of its code."""
        return KINDS[self.code]

    def document(self) -> dict[str, object]:
        """Return the problem document."""
        return {
            "type": f"/v1/docs#{self.code}",
            "title": self.kind.title,
            "status": self.kind.status,
            "code": self.code,
            "detail": self.detail,
        }
