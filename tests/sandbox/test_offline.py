"""Which bodies of the legacy offline endpoints does the sandbox take?"""

import hashlib

import pytest

SHA = hashlib.sha256(b"a@example.test").hexdigest()


def item(**changes):
    whole = {
        "event": "CompletePayment",
        "event_id": "e-1",
        "timestamp": "2026-08-13T10:00:00Z",
        "context": {"user": {"emails": [SHA], "phone_numbers": []}},
        "properties": {
            "order_id": "o-1",
            "currency": "EUR",
            "value": 10.5,
            "event_channel": "in_store",
            "contents": [{"price": 1, "quantity": 2, "content_type": "product", "content_id": "1"}],
        },
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def test_one_event_is_taken_and_recorded_under_its_event_set(client):
    assert client.post("offline/track/", {"event_set_id": "s-1", **item()}).json()["code"] == 0
    (record,) = client.sandbox.events
    assert (record["path"], record["event_source_id"]) == ("/open_api/v1.3/offline/track/", "s-1")
    assert record["event"]["event_id"] == "e-1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event": "Test Event"}, "event: not a supported standard event"),
        ({"timestamp": ""}, "timestamp: not a valid ISO-8601 timestamp"),
        ({"timestamp": "2026-08-13T10:00:00"}, "timestamp: not a valid ISO-8601 timestamp"),
        ({"timestamp": 1684574395}, "timestamp: not a valid string"),
        ({"context": {"user": {"emails": SHA}}}, "context.user.emails: not a valid list"),
        (
            {"context": {"user": {"emails": ["a@example.test"]}}},
            "context.user.emails.0: not a lowercase hexadecimal SHA-256",
        ),
        ({"properties": {"event_channel": "web"}}, "properties.event_channel: not a supported event channel"),
        (
            {"properties": {"contents": [{"quantity": "1"}]}},
            "properties.contents.0.quantity: not a valid integer",
        ),
    ],
)
def test_a_wrong_field_is_refused(client, changes, message):
    answer = client.post("offline/track/", {"event_set_id": "s-1", **item(**changes)}).json()
    assert (answer["code"], answer["message"]) == (40002, f"Invalid value for {message}.")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"timestamp": None}, "timestamp"),
        ({"properties": None}, "properties"),
        ({"context": {}}, "context.user"),
        ({"context": {"user": {}}}, "context.user.emails or phone_numbers"),
    ],
)
def test_a_missing_field_is_named(client, changes, place):
    answer = client.post("offline/track/", {"event_set_id": "s-1", **item(**changes)}).json()
    assert answer["message"] == f"Missing required field(s): {place}."


def test_a_batch_names_the_event_at_fault_in_the_legacy_words(client):
    bad = item(properties={"contents": [{"content_id": 5}]})
    answer = client.post("offline/batch/", {"event_set_id": "s-1", "batch": [item(), bad]}).json()
    assert answer["message"] == "Batch.1.properties.contents.0.content_id: Not a valid string"
    assert client.sandbox.events == []


def test_a_batch_has_a_limit_that_is_a_knob(client):
    batch = [item(event_id=f"e-{number}", event_set_id="s-1") for number in range(51)]
    assert client.post("offline/batch/", {"event_set_id": "s-1", "batch": batch}).json()["code"] == 40002
    client.sandbox.configure(legacy_batch_limit=80)
    assert client.post("offline/batch/", {"event_set_id": "s-1", "batch": batch}).json()["code"] == 0
    assert len(client.sandbox.events) == 51


def test_a_batch_holds_events_of_one_event_set(client):
    body = {"event_set_id": "s-1", "batch": [item(event_set_id="s-2")]}
    assert client.post("offline/batch/", body).json()["message"].startswith("Batch.0.event_set_id: Not the event")
