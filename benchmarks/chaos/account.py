"""What became of every event? The oracle: what was acknowledged, against what arrived and what was put aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from benchmarks.chaos.events import is_poison

REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Account:
    """How many of the acknowledged events are where.

    `misplaced`: a good event among the dead letters, poison that was delivered or has another reason, or an event
    in two places. `unsettled`: what the queue still holds when the run has ended. `lost`: nowhere.
    """

    enqueued: int
    poison: int
    delivered: int
    rejected: int
    misplaced: int
    unsettled: int
    lost: int
    dead_by_reason: Mapping[str, int]
    examples: tuple[str, ...]
    """Ids of the first few that are lost or misplaced, to look for in the logs."""

    @property
    def unaccounted(self) -> int:
        """How many are not where they belong, though not lost."""
        return self.misplaced + self.unsettled

    @property
    def is_clean(self) -> bool:
        """Whether every event is where it belongs."""
        return self.lost == self.unaccounted == 0 and self.delivered + self.rejected == self.enqueued


def account(
    acknowledged: Collection[str],
    *,
    deliveries: Mapping[str, int],
    dead: Collection[tuple[str, str]],
    unsettled: int,
) -> Account:
    """Return what became of every event.

    Args:
        acknowledged: ids whose enqueueing was confirmed.
        deliveries: id to how often TikTok took it.
        dead: (id, reason) of every dead letter.
        unsettled: how many entries the queue still holds; a missing event may be among these.
    """
    reasons: dict[str, set[str]] = {}
    for event_id, reason in dead:
        reasons.setdefault(event_id, set()).add(reason)
    delivered = rejected = 0
    misplaced: list[str] = []
    missing: list[str] = []
    for event_id in acknowledged:
        why, arrived = reasons.get(event_id, set()), event_id in deliveries
        if is_poison(event_id):
            if why == {REJECTED} and not arrived:
                rejected += 1
            else:
                (misplaced if why or arrived else missing).append(event_id)
        elif arrived and not why:
            delivered += 1
        else:
            (misplaced if why else missing).append(event_id)
    still_there = min(unsettled, len(missing))
    return Account(
        enqueued=len(acknowledged),
        poison=sum(map(is_poison, acknowledged)),
        delivered=delivered,
        rejected=rejected,
        misplaced=len(misplaced),
        unsettled=unsettled,
        lost=len(missing) - still_there,
        dead_by_reason=dict(Counter(reason for _, reason in dead)),
        examples=tuple(sorted(misplaced + missing)[:10]),
    )
