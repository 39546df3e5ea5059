"""What is answered to a request that was not read to its end, so that neither a page nor the door ever saw it?

waitress refuses by itself what is longer than it may be, or is no HTTP, in plain text. An app that sends events reads
problem documents, and so it gets one.
"""

from __future__ import annotations

from typing import Any

import orjson
from waitress.task import ErrorTask

from worker.door import MAX_BODY_BYTES
from worker.door.problems import Refusal

_TO_THE_DOOR = "/v1/"


class UnreadTask(ErrorTask):
    """Answers for the door in the door's form; everything else as waitress does."""

    def execute(self) -> None:
        """Write the answer, and close: what the request still sends is not read."""
        request: Any = self.request
        error = request.error
        if not (getattr(request, "path", "") or "").startswith(_TO_THE_DOOR) or error.code >= 500:
            super().execute()
            return
        refusal = (
            Refusal("too_large", f"the body is longer than {MAX_BODY_BYTES} bytes; nothing of it was taken")
            if error.code == 413
            else Refusal("malformed_request", "the request is not HTTP as it should be, or its head is too long")
        )
        body = orjson.dumps({**refusal.document(), "status": error.code})
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [
            *self.response_headers,
            ("Content-Type", "application/problem+json"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
