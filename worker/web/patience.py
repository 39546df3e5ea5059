"""How long may a request take to arrive?

waitress forgets a silent connection, but one that sends a byte now and then it would wait for, and a hundred of those
are all that it takes at once.
"""

from __future__ import annotations

import time
from typing import Any

from waitress.channel import HTTPChannel

from worker.web.unread import UnreadTask

MOST_SECONDS = 60.0
"""For a whole request: 8 MiB at 1.1 megabits a second."""

SILENT_SECONDS = 20
"""After which a connection without a request under way is closed."""


class PatientChannel(HTTPChannel):
    """A connection that is closed when a request has been arriving for too long."""

    error_task_class = UnreadTask
    _begun = 0.0

    def received(self, data: bytes) -> Any:
        """Take in what came, unless its request began too long ago."""
        now = time.monotonic()
        if self.request is None:
            self._begun = now
        elif now - self._begun > MOST_SECONDS:
            self.will_close = True
            return False
        return super().received(data)


def listeners(server: Any) -> list[Any]:
    """Return the sockets' servers of what `create_server` made: one, or one for each address of a name."""
    return [each for each in (getattr(server, "map", None) or {}).values() if hasattr(each, "channel_class")] or [
        server
    ]
