"""No identifier in clear reaches Redis where the destination or the app says so."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tiktok_events import AsyncProducer, EnqueueError, Producer, Unavailable
from tiktok_events.identity import event_identity
from tiktok_events.testing import capture

EVENT = {"type": "track", "userId": "ada-17", "properties": {"email": "Ada@Example.com", "phone": "+1 202 555 0123"}}
CANARIES = (b"ada-17", b"xample.com", b"555 0123", b"2025550123")
PLACES = {"userId": "external_id", "properties.email": "email", "properties.phone": "phone"}
Register = Callable[..., None]


@pytest.fixture
def register(each_server: Any) -> Register:
    with each_server.client() as client:
        client.flushall()

    def write(*, always: bool, places: Any = PLACES) -> None:
        told = {"pack": 100, "identifiers": {"hash": always, "region": None, "places": places}}
        with each_server.client() as client:
            client.hset("tiktok-events:destinations", "stores", json.dumps(told))

    return write


def stored(server: Any) -> bytes:
    with server.client() as client:
        return b"".join(client.dump(key) for key in client.keys("*stores*"))


@pytest.mark.parametrize(("always", "own", "clear"), [(True, False, 0), (False, True, 0), (False, False, 4)])
def test_hashed_by_the_destinations_word_or_the_apps_own(
    each_server: Any, register: Register, always: bool, own: bool, clear: int
) -> None:
    register(always=always)
    with Producer(each_server.url, hash_identifiers=own) as producer:
        one = producer.enqueue(EVENT, destination="stores")
        many = producer.enqueue_many([EVENT | {"n": number} for number in range(120)], destination="stores")
    assert one == event_identity(EVENT), "the id is the one that it has in clear"
    assert len(set(many)) == 120
    with each_server.client() as client:
        texts = [fields[b"event"] for _, fields in client.xrange("tiktok-events:{stores}:inbox")]
        texts += [fields[b"events"] for _, fields in client.xrange("tiktok-events:{stores}:bulk")]
    found = b"".join(texts)
    assert texts
    assert sum(canary in found for canary in CANARIES[:3]) == (3 if clear else 0)


def test_by_an_asyncio_app_too(each_server: Any, register: Register) -> None:
    register(always=False)

    async def app() -> None:
        async with AsyncProducer(each_server.url, hash_identifiers=True) as producer:
            await producer.enqueue(EVENT, destination="stores")

    asyncio.run(app())
    assert not any(canary in stored(each_server) for canary in CANARIES)


def test_nothing_goes_in_clear_while_nobody_knows_where_identifiers_are(each_server: Any, register: Register) -> None:
    with Producer(each_server.url, hash_identifiers=True) as producer:
        with pytest.raises(Unavailable, match="which fields hold identifiers"):
            producer.enqueue(EVENT, destination="stores")
        register(always=True, places={"userId": "shoe_size"})
    with Producer(each_server.url) as producer, pytest.raises(EnqueueError, match="update tiktok-events"):
        producer.enqueue(EVENT, destination="stores")
    with each_server.client() as client:
        assert client.keys("*inbox") == []


def test_without_the_extra_the_error_says_what_to_install(each_server: Any, register: Register) -> None:
    register(always=True)
    script = (
        "import sys; sys.modules['phonenumbers'] = None\n"
        "from tiktok_events import EnqueueError, Producer\n"
        f"try: Producer({each_server.url!r}).enqueue({EVENT!r}, destination='stores')\n"
        "except EnqueueError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.strip().endswith("pip install tiktok-events[hashing]")
    assert not any(canary in stored(each_server) for canary in CANARIES)


def test_an_app_that_hashes_tests_itself_on_its_events_as_it_made_them() -> None:
    with capture("stores") as captured, Producer(hash_identifiers=True) as producer:
        producer.enqueue(EVENT, destination="stores")
    assert captured.events() == [EVENT]
