"""What does the sandbox remember between two requests?"""

from collections.abc import Callable

from worker.sandbox.clock import TurnableClock
from worker.sandbox.event_sets import EventSets
from worker.sandbox.faults import Faults
from worker.sandbox.limits import Limits
from worker.sandbox.oauth import OAuth
from worker.sandbox.script import Script
from worker.sandbox.settings import Settings
from worker.sandbox.store import Store
from worker.sandbox.tokens import Tokens


class State:
    """All that a sandbox holds; each part locks for itself, settings are replaced whole."""

    def __init__(self, script: Script, *, clock: Callable[[], float], record_limit: int | None) -> None:
        self._initial_settings = script.settings
        self.settings: Settings = script.settings
        self.clock = TurnableClock(clock)
        self.store = Store(record_limit)
        self.faults = Faults(script.steps, script.seed)
        self.tokens = Tokens(script.tokens, self.clock)
        self.limits = Limits()
        self.event_sets = EventSets(self.clock)
        self.oauth = OAuth(self.tokens, self.clock)

    def reset(self) -> None:
        """Goes back to how the sandbox started, its script included."""
        self.settings = self._initial_settings
        self.clock.reset()
        for part in (self.store, self.faults, self.tokens, self.limits, self.event_sets, self.oauth):
            part.reset()
