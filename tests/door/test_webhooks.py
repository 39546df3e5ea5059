"""Deliveries of Segment's Webhooks destination and of Commanders Act's come in as they are."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., dict[str, Any]]


def sign(signed: bytes, secret: str = "hook-secret") -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha1).hexdigest()


def deliver(door: Any, sent: bytes, signature: str, destination: str = "hook") -> Any:
    return door.post(sent, destination, Authorization="", X_Signature=signature)


def test_a_signed_event_is_taken(door: Any, order_completed: Make) -> None:
    sent = json.dumps(order_completed(1), separators=(",", ":")).encode()
    answer = deliver(door, sent, sign(sent))
    assert (answer.status_code, answer.json["ids"]) == (202, ["message-1"])
    assert deliver(door, sent, sign(sent).upper()).status_code == 202
    assert json.loads(door.waiting("hook")[0][b"event"])["messageId"] == "message-1"


def test_of_a_signed_event_only_the_shape_is_checked(door: Any) -> None:
    # Segment would drop what is refused; a dead letter can be mended.
    sent = json.dumps({"type": "track", "event": "Not mapped", "messageId": "m-1"}).encode()
    assert deliver(door, sent, sign(sent)).status_code == 202


@pytest.mark.parametrize(
    ("destination", "spoil"),
    [
        ("hook", lambda sent, good: (sent + b" ", good)),
        ("hook", lambda sent, good: (sent, good[:-1])),
        ("hook", lambda sent, _: (sent, "")),
        ("hook", lambda sent, _: (sent, "é")),
        ("hook", lambda sent, _: (sent, sign(sent, ""))),
        ("app", lambda sent, _: (sent, sign(sent, ""))),
        ("app", lambda sent, good: (sent, good)),
        ("nowhere", lambda sent, good: (sent, good)),
    ],
)
def test_a_wrong_signature_lets_nobody_in(
    door: Any, order_completed: Make, destination: str, spoil: Callable[[bytes, str], tuple[bytes, str]]
) -> None:
    sent = json.dumps(order_completed(1)).encode()
    answer = deliver(door, *spoil(sent, sign(sent)), destination)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert door.waiting(destination) == []


def test_of_a_batch_segment_signs_the_first_event_which_must_be_allowed(door: Any, order_completed: Make) -> None:
    events = [order_completed(number) for number in range(3)]
    parts = [json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() for event in events]
    batch = b"[" + b",".join(parts) + b"]"
    assert deliver(door, batch, sign(parts[0])).status_code == 401
    assert deliver(door, batch, sign(parts[0]), "batches").json["accepted"] == 3
    assert deliver(door, batch, sign(parts[1]), "batches").status_code == 401
    assert deliver(door, batch, sign(batch), "hook").json["accepted"] == 3
    for broken in (b"", b"[", b"[}", b"[" * 9_000, b"\xff"):
        assert deliver(door, broken, sign(parts[0]), "batches").status_code == 401


def test_commanders_act_sends_a_token_of_ours_in_a_header_of_its_own_choice(door: Any) -> None:
    # Its Webhook destination adds headers and posts the event as JSON.
    event = {"event_name": "purchase", "id": "1001", "user": {"email": "ada@example.com"}, "value": 16.0}
    assert door.post(event, "lax", query="?validate=shape").status_code == 202
