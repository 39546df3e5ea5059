"""What the tests of people share: one destination whose events lie wherever a test wants them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from schemas import Fault
from worker.dead_letters import Changes, DeadLetter
from worker.envelope import Envelope
from worker.keys import Keys
from worker.people import PeopleIndex, Person
from worker.people.index_key import index_key
from worker.runtime import Runtime


class Store:
    """Puts events into places, and says where somebody's are."""

    def __init__(self, here: Runtime, redis: Redis) -> None:
        self.here, self.redis, self.keys = here, redis, Keys("stores")
        self.settings = here.config.destinations["stores"]
        self.index: PeopleIndex = here.people(self.settings, self.keys)

    def sought(self, **given: str) -> Any:
        return Person(**given).resolved(["US"]).sought(self.settings.identifier_places(), "US")

    def die(self, payload: bytes, ref: str = "1-0", *, indexed: bool = True) -> None:
        envelope = Envelope(ref, "id", payload, int(time.time() * 1000))
        faults = (Fault("properties.value", "must be a number"),)
        Changes(self.redis, self.keys).add(
            DeadLetter("stores", "invalid", "1 fault(s)", envelope, time.time(), faults=faults)
        )
        if indexed:
            self.index.note([envelope])

    def key(self) -> bytes:
        return index_key(self.redis)


@pytest.fixture
def store(make_runtime: Callable[..., Runtime], redis: Redis) -> Store:
    return Store(make_runtime(), redis)
