"""What did the client ask?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from worker.sandbox.reply import Refusal


@dataclass(frozen=True, slots=True)
class Head:
    """The part of a request that comes before its body; header names are lower-case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def token(self) -> str:
        """The access token, empty without one; the header is the only place TikTok reads it from."""
        return self.headers.get("access-token", "").strip()


def json_object(head: Head, body: bytes) -> dict[str, Any]:
    """Returns the decoded body.

    Raises Refusal (40002) when it is not announced as JSON, is none, or is no object: TikTok documents the
    content type as required; the code is our reading.
    """
    announced = head.headers.get("content-type", "").partition(";")[0].strip().lower()
    if announced != "application/json":
        raise Refusal(40002, "Invalid value for Content-Type: application/json is required.")
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        # "from None": the decoder's error holds the document.
        raise Refusal(40002, "Invalid value for the request body: not valid JSON.") from None
    if type(decoded) is not dict:
        raise Refusal(40002, "Invalid value for the request body: not a valid object.")
    return decoded
