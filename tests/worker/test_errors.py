import pytest

from worker.errors import Outcome, judge


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"code": 0}, Outcome.DELIVERED),
        (500, {"code": 0}, Outcome.DELIVERED),
        (200, {"code": 20001, "data": {}}, Outcome.PARTIAL),
        (200, {"code": 40002, "message": "Missing required field(s): event."}, Outcome.REJECTED),
        (401, {"code": 40100}, Outcome.THROTTLED),
        (200, {"code": 40016}, Outcome.THROTTLED),
        (200, {"code": 40132}, Outcome.THROTTLED),
        (200, {"code": 40133}, Outcome.THROTTLED),
        (200, {"code": 40001}, Outcome.UNAUTHORIZED),
        (200, {"code": 40105}, Outcome.UNAUTHORIZED),
        (200, {"code": 40131}, Outcome.UNAUTHORIZED),
        (200, {"code": 40007}, Outcome.MISCONFIGURED),
        (200, {"code": 41001}, Outcome.MISCONFIGURED),
        (200, {"code": 40011}, Outcome.SPLIT),
        (200, {"code": 49999}, Outcome.REJECTED),
        (200, {"code": 50000}, Outcome.UNAVAILABLE),
        (200, {"code": 51010}, Outcome.UNAVAILABLE),
        (200, {"code": 60001}, Outcome.UNAVAILABLE),
        (200, None, Outcome.UNAVAILABLE),
        (200, {"code": True}, Outcome.UNAVAILABLE),
        (200, {"code": "0"}, Outcome.UNAVAILABLE),
        (200, [], Outcome.UNAVAILABLE),
        (302, None, Outcome.MISCONFIGURED),
        (401, None, Outcome.UNAUTHORIZED),
        (403, None, Outcome.UNAUTHORIZED),
        (404, None, Outcome.MISCONFIGURED),
        (408, None, Outcome.UNAVAILABLE),
        (413, None, Outcome.SPLIT),
        (418, None, Outcome.REJECTED),
        (429, None, Outcome.THROTTLED),
        (503, None, Outcome.UNAVAILABLE),
    ],
)
def test_the_code_decides_and_the_status_only_without_one(status: int, body: object, outcome: Outcome) -> None:
    assert judge(status, body).outcome is outcome


@pytest.mark.parametrize(
    ("message", "index"),
    [
        ("Batch.3.properties.contents.0.content_id: Not a valid string", 3),
        ("data[12].event: unknown", 12),
        ("data.0.user: wrong", 0),
        ("error in event at index 7", 7),
        ("Invalid value for event_id: not a valid string.", None),
        ("Missing data for 3 fields", None),
    ],
)
def test_the_index_is_read_out_of_the_message(message: str, index: int | None) -> None:
    assert judge(200, {"code": 40002, "message": message}).index == index


@pytest.mark.parametrize(
    "value", ["jane@example.com", "+12025550123", "202 555 0123", "848a7714" * 8, "203.0.113.7", "2001:db8:0:1:1:1:1:1"]
)
def test_a_message_never_carries_an_identifier(value: str) -> None:
    told = judge(200, {"code": 40002, "message": f"Invalid value for email: {value} is wrong"}).message
    assert value not in told
    assert told.startswith("Invalid value for email: [")


@pytest.mark.parametrize(
    ("data", "failed"),
    [
        ({"failed_events": [{"index": 2}, {"event_id": "x"}]}, (2, "x")),
        ({"failed_events": []}, ()),
        ({"failed_events": [{"reason": "?"}]}, ()),
        ({"a": [{"index": 1}], "b": [{"index": 2}]}, ()),
        ({}, ()),
        (None, ()),
        ("text", ()),
    ],
)
def test_only_an_unmistakable_list_of_failures_is_believed(data: object, failed: tuple[int | str, ...]) -> None:
    assert judge(200, {"code": 20001, "data": data}).failed == failed


@pytest.mark.parametrize("code", [40050, 40700])
def test_ambiguous_codes_are_worth_one_retry(code: int) -> None:
    verdict = judge(200, {"code": code})
    assert verdict.once
    assert verdict.outcome is Outcome.UNAVAILABLE
