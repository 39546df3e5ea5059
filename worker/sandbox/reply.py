"""What does the sandbox send back, and how does the sending end?"""

import uuid
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson

# complete: as HTTP wants it. reset: RST instead of an answer. silent: closed without an answer.
# half: announced whole, closed after half of the body.
Ending = Literal["complete", "reset", "silent", "half"]

BAD_GATEWAY_PAGE = "<html><head><title>Error</title></head><body><center><h1>Error</h1></center></body></html>"


def new_request_id() -> str:
    """Returns an id as TikTok gives each answer: never twice the same, no meaning inside."""
    return uuid.uuid4().hex.upper()


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; ``code`` is the envelope's, None where there is no envelope."""

    status: int
    body: bytes
    content_type: str
    code: int | None = None
    message: str = ""
    request_id: str = field(default_factory=new_request_id)
    headers: tuple[tuple[str, str], ...] = ()
    delay_seconds: float = 0.0
    ending: Ending = "complete"

    @property
    def outcome(self) -> str:
        """The name under which the statistics count this answer."""
        if self.code is not None:
            return str(self.code)
        return self.ending if self.status == 0 else f"http_{self.status}"

    def cut(self, *, close: bool) -> "Reply":
        """Returns the reply with half of its body; ``close``: announced whole, then the connection ends."""
        if close:
            return replace(self, ending="half")
        return replace(self, body=self.body[: len(self.body) // 2])


def envelope(code: int, message: str, data: Any, *, status: int = 200) -> Reply:
    """Returns the envelope of the Business API."""
    request_id = new_request_id()
    body = orjson.dumps({"code": code, "message": message, "request_id": request_id, "data": data})
    return Reply(status, body, "application/json", code, message, request_id)


def error_envelope(code: int, message: str, data: Any, *, status: int = 200) -> Reply:
    """Returns the envelope of TikTok's nearest public relative of the order endpoint (reference 7.3)."""
    request_id = new_request_id()
    error = {"code": str(code), "message": "success" if code == 0 else message, "log_id": request_id}
    body = orjson.dumps({"data": data, "error": error})
    return Reply(status, body, "application/json", code, message, request_id)


def text(status: int, words: str) -> Reply:
    """Returns a plain text without an envelope."""
    return Reply(status, words.encode(), "text/plain; charset=utf-8", message=words)


def html(status: int, page: str = BAD_GATEWAY_PAGE) -> Reply:
    """Returns a page of HTML, as gateways send it."""
    return Reply(status, page.encode(), "text/html; charset=utf-8")


def nothing(ending: Ending) -> Reply:
    """Returns no answer at all: the connection ends by ``ending``."""
    return Reply(0, b"", "", ending=ending)


class Refusal(Exception):  # noqa: N818 - TikTok refuses; nothing went wrong in the sandbox
    """A request that TikTok would refuse: becomes an envelope with ``code`` at the one place that answers."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
