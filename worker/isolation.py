"""How the events at fault are found in a request that was refused, so that the others are sent.

TikTok takes or refuses a request as a whole and names the culprit, if at all, only in the text of its message.
Where it does, one more request delivers the rest. Where it does not, halving finds one bad event in n with
⌈log2 n⌉ + 2 requests: each step sends one half, and what it did not test is sent together at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from schemas import Item
from worker.errors import Outcome, Verdict

Send = Callable[[Sequence[Item]], Verdict]

_MOST_HINTS = 8
"""How many times in a row a named index is followed before the messages are no longer believed."""


@dataclass(slots=True)
class Isolation:
    """Sends a group of items that share a request, until each has a verdict of its own.

    `may_go_on` is asked before every request but the first: when it says no (time is short, a shutdown), what has
    no verdict yet is left out of the result, to be sent another time.
    """

    send: Send
    may_go_on: Callable[[], bool]
    _verdicts: dict[int, Verdict] = field(default_factory=dict)
    _items: Sequence[Item] = ()
    _stopped: bool = False
    _first: bool = True

    def deliver(self, items: Sequence[Item]) -> dict[int, Verdict]:
        """Send `items`; return the verdict of each by its place. Places that are missing were not settled."""
        self._items = items
        waiting = [list(range(len(items)))]
        while waiting and not self._stopped:
            places = waiting.pop()
            verdict = self._try(places)
            if verdict is None:
                continue
            if verdict.outcome is Outcome.SPLIT and len(places) > 1:
                middle = len(places) // 2
                waiting += [places[middle:], places[:middle]]
            elif verdict.outcome is Outcome.REJECTED and len(places) > 1:
                waiting += self._find(places, verdict)
            else:
                self._give(places, verdict)
        return self._verdicts

    def _try(self, places: Sequence[int]) -> Verdict | None:
        """Send these; None when there was no time for it."""
        if not self._first and not self.may_go_on():
            self._stopped = True
            return None
        self._first = False
        verdict = self.send([self._items[place] for place in places])
        if verdict.outcome not in (Outcome.DELIVERED, Outcome.REJECTED, Outcome.SPLIT, Outcome.PARTIAL):
            # Nothing to do with these events: whatever is left waits with them.
            self._stopped = True
        return verdict

    def _give(self, places: Sequence[int], verdict: Verdict) -> None:
        if verdict.outcome is Outcome.PARTIAL and verdict.failed:
            self._give_partial(places, verdict)
            return
        self._verdicts.update(dict.fromkeys(places, verdict))

    def _give_partial(self, places: Sequence[int], verdict: Verdict) -> None:
        """Believe a partial answer that names what failed: that is retried, the rest was taken."""
        known = {place: self._items[place].event_id for place in places}
        named = {
            place for number, place in enumerate(places) if number in verdict.failed or known[place] in verdict.failed
        }
        for place in places:
            outcome = Outcome.UNAVAILABLE if place in named else Outcome.DELIVERED
            self._verdicts[place] = replace(verdict, outcome=outcome, failed=())

    def _find(self, places: list[int], verdict: Verdict) -> list[list[int]]:
        """Find culprits among `places`, which were refused together; return the groups still to send."""
        suspects: list[tuple[int, Verdict]] = []
        while verdict.index is not None and verdict.index < len(places) and len(suspects) < _MOST_HINTS:
            suspects.append((places[verdict.index], verdict))
            places = [place for place in places if place != suspects[-1][0]]
            if not places:
                break
            following = self._try(places)
            if following is None:
                return []
            verdict = following
            if verdict.outcome is Outcome.SPLIT and len(places) > 1:
                return [*([place] for place, _ in suspects), places]
            if verdict.outcome is not Outcome.REJECTED or len(places) == 1:
                self._give(places, verdict)
                places = []
                break
        if len(suspects) == 1 and not places and verdict.outcome is Outcome.DELIVERED:
            # The rest went through without it: the message told the truth.
            self._give([suspects[0][0]], suspects[0][1])
            return []
        alone = [[place] for place, _ in suspects]
        return [*alone, *self._halve(places)] if places else alone

    def _halve(self, bad: list[int]) -> list[list[int]]:
        """Find one culprit among `bad`, known to hold one; return what is still to send: the culprit alone, for
        an answer that is about it, and everything that was not tested, together."""
        untested: list[int] = []
        while len(bad) > 1:
            middle = len(bad) // 2
            half, other = bad[:middle], bad[middle:]
            verdict = self._try(half)
            if verdict is None or self._stopped:
                if verdict is not None:
                    self._give(half, verdict)
                return []
            if verdict.outcome is Outcome.REJECTED:
                untested += other
                bad = half
                if len(half) == 1:
                    self._give(half, verdict)
                    return [untested]
            else:
                self._give(half, verdict)
                bad = other
        return [untested, bad] if untested else [bad]
