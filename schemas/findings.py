"""What have the steps found about one event so far, and what does it come to?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.outcome import Fault, Refused


@dataclass(slots=True)
class Findings:
    """What the steps have found about one event, by what it leads to."""

    notes: list[Fault] = field(default_factory=list)
    invalid: list[Fault] = field(default_factory=list)
    expired: list[Fault] = field(default_factory=list)
    unmatched: list[Fault] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.notes or self.invalid or self.expired or self.unmatched)

    def take(self, others: Findings, origin: Callable[[str], str]) -> None:
        """Add what was found of one item, in the places of the source's event that `origin` knows."""
        self.notes += _placed(others.notes, origin)
        self.invalid += _placed(others.invalid, origin)
        self.expired += _placed(others.expired, origin)
        self.unmatched += _placed(others.unmatched, origin)

    def refusal(self, event: str | None) -> Refused | None:
        """Return the refusal that the findings come to, or None. `event` is TikTok's event name, if it is known."""
        for reason, faults in (("invalid", self.invalid), ("expired", self.expired)):
            if faults:
                return Refused(reason, unique(faults), event)
        if self.unmatched:
            # Why e-mail or phone were dropped is what a person needs to know to mend the event.
            return Refused("no_match_key", unique(self.unmatched + self.notes), event)
        return None


def unique(faults: list[Fault]) -> tuple[Fault, ...]:
    """Return the faults in their order without repetitions."""
    return tuple(dict.fromkeys(faults))


def _placed(faults: list[Fault], origin: Callable[[str], str]) -> list[Fault]:
    return [Fault(origin(fault.path), fault.rule) for fault in faults]
