"""What time is it in the sandbox, and how do tests turn its clock?"""

import threading
from collections.abc import Callable


class TurnableClock:
    """A source of Unix seconds that can be moved ahead by hand."""

    def __init__(self, source: Callable[[], float]) -> None:
        self._source = source
        self._ahead_seconds = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Returns the sandbox's time in Unix seconds."""
        return self._source() + self._ahead_seconds

    def advance(self, seconds: float) -> None:
        """Moves the clock ahead by ``seconds`` (a negative number turns it back)."""
        with self._lock:
            self._ahead_seconds += seconds

    def reset(self) -> None:
        """Lets the clock show its source's time again."""
        with self._lock:
            self._ahead_seconds = 0.0
