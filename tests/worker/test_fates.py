"""What becomes of an event, verdict by verdict. The rest of the rules is told by tests/tasks/test_deliver.py."""

from __future__ import annotations

import time
from collections.abc import Callable

from schemas import Item, RequestKey
from worker.config import Config
from worker.envelope import Envelope
from worker.errors import Outcome, Verdict
from worker.fates import fate
from worker.inbox import Claimed
from worker.preparation import Prepared
from worker.settlement import Later


def test_waits_in_a_row_are_one_line_of_the_history_and_push_no_failure_out(configure: Callable[..., Config]) -> None:
    destination = configure().destinations["stores"]
    envelope = Envelope(ref="1-1", id="x", payload=b"{}", enqueued_at=int(time.time() * 1000))
    item = Item(RequestKey("offline", "1", None), "Purchase", "x", 1, {})
    for verdict in (Verdict(Outcome.UNAVAILABLE, code=50000), *[Verdict(Outcome.THROTTLED)] * 30):
        decided = fate(Prepared(Claimed(1, "1-1", envelope), (item,)), [verdict], destination, now=time.time())
        assert isinstance(decided, Later)
        envelope = decided.envelope
    assert [attempt.outcome for attempt in envelope.history] == ["unavailable", "throttled"]
    assert envelope.attempts == 1
