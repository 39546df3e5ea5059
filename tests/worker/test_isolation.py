"""One bad event in a thousand costs few requests and takes no other along."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import Item, RequestKey
from worker.errors import Outcome, Verdict
from worker.isolation import Isolation


def items(count: int) -> list[Item]:
    return [
        Item(RequestKey("offline", "1", None), "Purchase", f"id-{number}", 1_700_000_000, {"event_id": f"id-{number}"})
        for number in range(count)
    ]


class Endpoint:
    """Refuses every request that holds a poison event; may name its place, or lie about it."""

    def __init__(self, poison: set[str], *, hint: str = "none") -> None:
        self.poison, self.hint = poison, hint
        self.requests: list[list[str]] = []
        self.taken: list[str] = []

    def __call__(self, part: Sequence[Item]) -> Verdict:
        ids = [item.event_id for item in part]
        self.requests.append(ids)
        bad = [place for place, each in enumerate(ids) if each in self.poison]
        if not bad:
            self.taken += ids
            return Verdict(Outcome.DELIVERED, code=0)
        index = {"none": None, "true": bad[0], "lie": 0, "out of range": 5000}[self.hint]
        return Verdict(Outcome.REJECTED, code=40002, message="refused", index=index)


def isolate(endpoint: Endpoint, count: int) -> dict[int, Verdict]:
    return Isolation(endpoint, lambda: True).deliver(items(count))


@pytest.mark.parametrize("place", [0, 1, 499, 500, 998, 999])
def test_one_poison_in_a_thousand_is_found_by_halving(place: int) -> None:
    endpoint = Endpoint({f"id-{place}"})
    verdicts = isolate(endpoint, 1000)
    assert [p for p, verdict in verdicts.items() if verdict.outcome is Outcome.REJECTED] == [place]
    assert len(verdicts) == 1000
    assert len(endpoint.taken) == len(set(endpoint.taken)) == 999
    assert len(endpoint.requests) <= 1 + 10 + 2  # the first, log2 of a thousand, the culprit, the untested rest


def test_a_named_index_costs_one_extra_request() -> None:
    endpoint = Endpoint({"id-417"}, hint="true")
    verdicts = isolate(endpoint, 1000)
    assert len(endpoint.requests) == 2
    assert verdicts[417].outcome is Outcome.REJECTED
    assert len(endpoint.taken) == 999


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(1, 60),
    hint=st.sampled_from(["none", "true", "lie", "out of range"]),
    data=st.data(),
)
def test_whatever_is_poisoned_and_whatever_the_message_says_only_poison_is_refused(
    count: int, hint: str, data: st.DataObject
) -> None:
    poison = data.draw(st.sets(st.integers(0, count - 1), max_size=count))
    endpoint = Endpoint({f"id-{place}" for place in poison}, hint=hint)
    verdicts = isolate(endpoint, count)
    assert {place for place, verdict in verdicts.items() if verdict.outcome is Outcome.REJECTED} == poison
    assert sorted(endpoint.taken) == sorted(f"id-{place}" for place in set(range(count)) - poison)


def test_too_large_a_request_is_sent_in_halves() -> None:
    sizes = []

    def send(part: Sequence[Item]) -> Verdict:
        sizes.append(len(part))
        return Verdict(Outcome.SPLIT if len(part) > 300 else Outcome.DELIVERED)

    verdicts = Isolation(send, lambda: True).deliver(items(1000))
    assert sizes == [1000, 500, 250, 250, 500, 250, 250]
    assert {verdict.outcome for verdict in verdicts.values()} == {Outcome.DELIVERED}


def test_a_failing_endpoint_ends_the_search_and_leaves_the_rest_unsettled() -> None:
    answers = [Verdict(Outcome.REJECTED, code=40002), Verdict(Outcome.DELIVERED), Verdict(Outcome.UNAVAILABLE)]
    verdicts = Isolation(lambda _: answers.pop(0), lambda: True).deliver(items(8))
    assert [verdicts[place].outcome for place in sorted(verdicts)] == [Outcome.DELIVERED] * 4 + [
        Outcome.UNAVAILABLE
    ] * 2


def test_when_time_is_up_what_was_not_sent_has_no_verdict() -> None:
    endpoint = Endpoint({"id-0"})
    assert Isolation(endpoint, lambda: False).deliver(items(8)) == {}
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(("failed", "expected"), [((1,), {1}), (("id-2",), {2}), ((), {0, 1, 2})])
def test_a_partial_answer_is_believed_only_for_what_it_names(failed: tuple[int | str, ...], expected: set[int]) -> None:
    verdicts = Isolation(lambda _: Verdict(Outcome.PARTIAL, code=20001, failed=failed), lambda: True).deliver(items(3))
    assert {place for place, verdict in verdicts.items() if verdict.outcome is not Outcome.DELIVERED} == expected
