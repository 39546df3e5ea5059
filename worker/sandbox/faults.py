"""When does the sandbox misbehave? A step of a script, its condition and its turn.

How a step is written: see the package's docstring. What the actions do: actions.py.
"""

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Action = Literal[
    "code",
    "http",
    "throttle",
    "slow",
    "reset",
    "accept_then_reset",
    "truncate",
    "not_json",
    "hang",
    "redirect",
    "partial",
]

API_ROOT: Final = "/open_api/v1.3/"


@dataclass(frozen=True, slots=True)
class Match:
    """The condition of a step; what is None does not matter."""

    path: str | None = None
    nth: frozenset[int] | None = None
    every: int | None = None
    after: int | None = None
    probability: float | None = None
    event_ids: frozenset[str] | None = None
    event_id_prefix: str | None = None
    events: frozenset[str] | None = None

    @property
    def looks_at_events(self) -> bool:
        """Whether the step needs a request that passed every check, to see its events."""
        return self.event_ids is not None or self.event_id_prefix is not None or self.events is not None

    def covers(self, path: str) -> bool:
        """Returns whether the step is about ``path`` (given whole, or from behind the API's root)."""
        return self.path is None or path in (self.path, API_ROOT + self.path)

    def indices(self, keys: Sequence[tuple[str, str | None]]) -> list[int]:
        """Returns the places of the events (event, event id) that the step is about."""
        return [index for index, (event, event_id) in enumerate(keys) if self._fits(event, event_id)]

    def _fits(self, event: str, event_id: str | None) -> bool:
        if self.events is not None and event not in self.events:
            return False
        if self.event_ids is not None and event_id not in self.event_ids:
            return False
        return self.event_id_prefix is None or (event_id or "").startswith(self.event_id_prefix)

    def is_turn(self, count: int, chance: random.Random) -> bool:
        """Returns whether the step acts on the ``count``-th request (from 1) that it is about."""
        if self.after is not None:
            count -= self.after
        if count < 1 or (self.nth is not None and count not in self.nth):
            return False
        if self.every is not None and count % self.every:
            return False
        return self.probability is None or chance.random() < self.probability


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: what to do, on which requests, how often."""

    action: Action
    match: Match = field(default_factory=Match)
    times: int | None = None
    code: int | None = None  # default: 50000, or 40002 about an event
    message: str | None = None
    http_status: int | None = None
    data: Any = field(default_factory=dict)
    html: str | None = None
    seconds: float = 0.0
    location: str = ""
    close: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A step whose turn it is, with the places of the events it is about (none for a step about a path)."""

    step: Step
    indices: tuple[int, ...] = ()


class _Armed:
    """A step with its counters."""

    def __init__(self, step: Step, source: Mapping[str, Any], chance: random.Random) -> None:
        self.step, self.source, self.chance = step, source, chance
        self.seen = 0
        self.acted = 0

    def takes(self) -> bool:
        self.seen += 1
        if self.step.times is not None and self.acted >= self.step.times:
            return False
        if not self.step.match.is_turn(self.seen, self.chance):
            return False
        self.acted += 1
        return True


class Faults:
    """The steps in force, in order; the first whose turn it is wins. Safe for threads.

    Each step counts for itself the requests that reach it. Chance comes from ``seed`` and the step's
    position, so that the same requests in the same order meet the same faults.
    """

    def __init__(self, steps: Sequence[tuple[Step, Mapping[str, Any]]], seed: int) -> None:
        self._initial = tuple(steps)
        self._seed = seed
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Goes back to the steps of the start, all counters at zero."""
        with self._lock:
            self._armed: list[_Armed] = []
            self._added = 0
            for step, source in self._initial:
                self._append(step, source)

    def clear(self) -> None:
        """Takes every step out of force."""
        with self._lock:
            self._armed = []

    def add(self, step: Step, source: Mapping[str, Any]) -> None:
        """Puts ``step`` behind those in force; ``source`` is how it was written, for the listing."""
        with self._lock:
            self._append(step, source)

    def _append(self, step: Step, source: Mapping[str, Any]) -> None:
        self._added += 1
        self._armed.append(_Armed(step, source, random.Random(f"{self._seed}:{self._added}")))

    def listing(self) -> list[dict[str, Any]]:
        """Returns every step as it was written, with the requests it ``seen`` and ``acted`` on."""
        with self._lock:
            return [{**armed.source, "seen": armed.seen, "acted": armed.acted} for armed in self._armed]

    def on_arrival(self, path: str) -> Hit | None:
        """Returns the step for a request of which only the path is known."""
        with self._lock:
            for armed in self._armed:
                match = armed.step.match
                if not match.looks_at_events and match.covers(path) and armed.takes():
                    return Hit(armed.step)
        return None

    def on_events(self, path: str, keys: Sequence[tuple[str, str | None]]) -> Hit | None:
        """Returns the step for a request that passed every check, by its events."""
        with self._lock:
            for armed in self._armed:
                match = armed.step.match
                if not match.looks_at_events or not match.covers(path):
                    continue
                indices = match.indices(keys)
                if indices and armed.takes():
                    return Hit(armed.step, tuple(indices))
        return None
