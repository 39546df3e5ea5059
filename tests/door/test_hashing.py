"""Through the HTTP door, too, no identifier in clear reaches Redis where the destination says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("many", [False, True])
def test_identifiers_are_hashed_before_they_are_stored(
    door: Any, purchase: Callable[..., dict[str, Any]], many: bool
) -> None:
    event = purchase(1)
    event["user"] |= {"phone": "+1 202-555-0123", "first_name": "Canary", "external_id": ["canary-1", "canary-2"]}
    answer = door.post([event, purchase(2)] if many else event, "hashed")
    assert answer.status_code == 202, answer.json
    assert answer.json["ids"][0] == "order-1"
    stored = json.loads(door.waiting("hashed")[0][b"event"])
    assert {len(each) for each in (stored["user"]["email"], stored["user"]["phone"])} == {64}
    everything = b"".join(door.redis.dump(key) for key in door.redis.keys("*"))
    for canary in (b"person1@", b"555-0123", b"2025550123", b"anary-1", b"Canary", b"canary-2"):
        assert canary not in everything


def test_what_would_be_refused_is_refused_as_in_clear(door: Any, purchase: Callable[..., dict[str, Any]]) -> None:
    event = purchase(1) | {"user": {"email": "nobody"}}
    clear, hashed = door.post(event, "app"), door.post(event, "hashed")
    assert hashed.json["errors"] == clear.json["errors"]
    assert hashed.status_code == clear.status_code == 400
