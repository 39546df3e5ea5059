"""Events are sealed before they reach Redis, in a form that stays, with keys that are never told."""

from __future__ import annotations

import asyncio
import builtins
import hashlib
import json
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from tiktok_events import (
    AsyncProducer,
    EncryptionRequired,
    EnqueueError,
    EventTooLarge,
    Producer,
    keys,
)
from tiktok_events.cli import main
from tiktok_events.sealing import (
    MAGIC,
    VARIABLE,
    Keyring,
    KeyringError,
    SealedError,
    is_sealed,
    key_id,
    open_with,
    parse_keyring,
    to_event,
    to_pack,
    to_token,
)
from tiktok_events.testing import capture

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
OLD_TEXT, NEW_TEXT = b64encode(OLD).decode(), b64encode(NEW).decode()
MAIL = "canary-mail@example.com"


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    monkeypatch.setenv(VARIABLE, f"k1:{OLD_TEXT}")
    return parse_keyring(f"k1:{OLD_TEXT}")


def test_the_form_of_a_sealed_event_stays() -> None:
    keyring = Keyring({"k1": OLD}, draw=lambda size: b"\x07" * size)
    sealed = keyring.seal(b'{"event_id":"1"}', to_event("stores", "1"))
    head = "96544531" + "02" + "6b31" + "07" * 12
    assert sealed.hex() == head + "7448c32a0a61a3abaff931baa260d6e6" + "0f8eaf1fd00682bb84d46bc44c9c4354"


def test_the_form_of_a_sealed_pack_stays() -> None:
    keyring = Keyring({"k1": OLD}, draw=lambda size: b"\x07" * size)
    sealed = keyring.seal(b'{"event_id":"1"}\n{"event_id":"2"}', to_pack("stores", ["1", "2"]))
    head = "96544531" + "02" + "6b31" + "07" * 12
    encrypted = "7448c32a0a61a3abaff931baa260d6e6ab27af16fe92ef6da1d23ad83efc00395a"
    assert sealed.hex() == head + encrypted + "4c5591c961e954550aa020078372f0fe"


def test_what_a_payload_is_bound_to_is_told_apart() -> None:
    assert to_event("stores", "m-1") == b"event\0stores\0m-1"
    assert to_pack("stores", ["a", "b"]) == b"pack\0stores\0" + hashlib.sha256(b"a\nb").digest()
    assert to_token("main") == b"token\0main"


@given(clear=st.binary(max_size=2000), event_id=st.text(max_size=40), key=st.binary(min_size=32, max_size=32))
def test_it_is_aes_gcm_as_the_page_describes_it(clear: bytes, event_id: str, key: bytes) -> None:
    """Against the cipher used by hand, both ways."""
    bound_to = b"event\0stores\0" + event_id.encode("utf-8", "surrogatepass")
    keyring = Keyring({"k": key, "other": OLD})
    sealed = keyring.seal(clear, to_event("stores", event_id))
    head, nonce, rest = sealed[:6], sealed[6:18], sealed[18:]
    assert head == b"\x96TE1\x01k"
    assert AESGCM(key).decrypt(nonce, rest, bound_to) == clear
    by_hand = head + bytes(12) + AESGCM(key).encrypt(bytes(12), clear, bound_to)
    assert keyring.open(by_hand, to_event("stores", event_id)) == clear


@given(text=st.text(), value=st.recursive(st.none() | st.booleans() | st.text(), st.lists))
def test_no_text_and_no_json_looks_sealed(text: str, value: Any) -> None:
    assert not is_sealed(text.encode("utf-8", "surrogatepass"))
    assert not is_sealed(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@given(data=st.data())
def test_a_payload_of_which_anything_was_changed_does_not_open(data: st.DataObject) -> None:
    keyring = Keyring({"k1": OLD, "k2": NEW})
    sealed = bytearray(keyring.seal(b'{"a":1}', to_event("stores", "1")))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealedError):
        keyring.open(bytes(sealed), to_event("stores", "1"))


@given(length=st.integers(0, 60))
def test_a_payload_that_was_cut_does_not_open(length: int) -> None:
    keyring = Keyring({"k1": OLD})
    sealed = keyring.seal(b"x" * 30, to_event("stores", "1"))
    with pytest.raises(SealedError):
        keyring.open(sealed[:length], to_event("stores", "1"))


@pytest.mark.parametrize(
    "bound_to",
    [to_event("app", "1"), to_event("stores", "2"), to_pack("stores", ["1"]), to_token("stores"), b""],
)
def test_a_payload_does_not_open_elsewhere(bound_to: bytes) -> None:
    keyring = Keyring({"k1": OLD})
    sealed = keyring.seal(b"{}", to_event("stores", "1"))
    with pytest.raises(SealedError, match="does not open with key k1"):
        keyring.open(sealed, bound_to)


def test_every_key_opens_and_the_first_one_seals() -> None:
    old, both = parse_keyring(f"k1:{OLD_TEXT}"), parse_keyring(f" k2 : {NEW_TEXT} , k1:{OLD_TEXT}")
    bound_to = to_event("stores", "1")
    assert both.open(old.seal(b"{}", bound_to), bound_to) == b"{}"
    assert key_id(both.seal(b"{}", bound_to)) == "k2"
    assert both.ids == ("k2", "k1")
    with pytest.raises(SealedError, match="is sealed with key k2, which is not here"):
        old.open(both.seal(b"{}", bound_to), bound_to)
    with pytest.raises(SealedError, match="is sealed with key k2, which is not here"):
        open_with(None, both.seal(b"{}", bound_to), bound_to)


def test_keys_may_be_written_in_either_alphabet_of_base64() -> None:
    key = b"\xfb\xff" * 16
    for text in (b64encode(key), urlsafe_b64encode(key), urlsafe_b64encode(key).rstrip(b"=")):
        sealed = parse_keyring(f"k:{text.decode()}").seal(b"{}", b"")
        assert Keyring({"k": key}).open(sealed, b"") == b"{}"


SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (SECRET, ["entry 1: must be id:key"]),
        (f"k1:{SECRET}", ["entry 1: its key must be 32 bytes in base64, 44 characters"]),
        (f"k1:{OLD_TEXT},", ["entry 2: must be id:key"]),
        (f"{SECRET + 'x'}:{OLD_TEXT}", ["entry 1: its id must have 1 to 32 characters of a-z, A-Z, 0-9, ., - and _"]),
        (f"k1:{OLD_TEXT},k1:{NEW_TEXT}", ["entry 2: its id stands there twice"]),
        (f"k1:{OLD_TEXT},k2:{OLD_TEXT}", ["entry 2: its key is that of another id"]),
        (
            f"k 1:{SECRET},{SECRET}",
            [
                "entry 1: its id must have 1 to 32 characters of a-z, A-Z, 0-9, ., - and _",
                "entry 1: its key must be 32 bytes in base64, 44 characters",
                "entry 2: must be id:key",
            ],
        ),
    ],
)
def test_all_faults_of_the_keys_are_named_together_and_no_key_with_them(text: str, faults: list[str]) -> None:
    with pytest.raises(KeyringError) as caught:
        parse_keyring(text)
    assert caught.value.faults == [f"{VARIABLE}: {fault}" for fault in faults]
    assert SECRET not in str(caught.value)
    assert OLD_TEXT not in repr(caught.value)


def test_keys_are_not_shown() -> None:
    assert repr(parse_keyring(f"k1:{OLD_TEXT}")) == "Keyring(k1)"


def test_a_producer_with_bad_keys_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"k1:{SECRET}")
    for kind in (Producer, AsyncProducer):
        with pytest.raises(EnqueueError, match="entry 1") as caught:
            kind()
        assert SECRET not in str(caught.value)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_keyring.cache_clear()
    imported = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setenv(VARIABLE, f"k1:{OLD_TEXT}")
    with pytest.raises(EnqueueError, match=r"tiktok-events\[encryption\]"):
        Producer()


def test_a_single_event_is_sealed_and_says_nothing(keyed: Keyring, store: redis.Redis, each_server: Any) -> None:
    with Producer(each_server.url) as producer:
        event_id = producer.enqueue({"email": MAIL}, destination="stores")
    ((_, fields),) = store.xrange(keys.inbox("stores"))  # type: ignore[misc]
    assert MAIL.encode() not in fields[b"event"]
    assert fields[b"event"].startswith(MAGIC)
    assert json.loads(keyed.open(fields[b"event"], to_event("stores", event_id))) == {"email": MAIL}


def test_a_pack_is_sealed_as_a_whole(keyed: Keyring, store: redis.Redis, each_server: Any) -> None:
    store.hset(keys.REGISTRY, "stores", '{"pack": 100}')
    with Producer(each_server.url) as producer:
        ids = producer.enqueue_many(({"email": MAIL, "event_id": str(n)} for n in range(100)), destination="stores")
    ((_, fields),) = store.xrange(keys.bulk("stores"))  # type: ignore[misc]
    assert fields[b"ids"].decode().split("\n") == ids
    assert len(fields[b"events"]) < 100 * len(json.dumps({"email": MAIL, "event_id": "99"}))
    opened = keyed.open(fields[b"events"], to_pack("stores", ids))
    assert [json.loads(line)["event_id"] for line in opened.split(b"\n")] == ids


def test_the_limit_of_bytes_is_that_of_the_clear_event(keyed: Keyring, store: redis.Redis, each_server: Any) -> None:
    event = {"event_id": "1", "text": "x" * 50}
    size = len(json.dumps(event, separators=(",", ":")))
    with Producer(each_server.url, max_event_bytes=size) as producer:
        producer.enqueue(event, destination="stores")
    with Producer(each_server.url, max_event_bytes=size - 1) as producer, pytest.raises(EventTooLarge):
        producer.enqueue(event, destination="stores")


def test_the_door_refuses_plain_events_where_only_sealed_ones_are_taken(store: redis.Redis, each_server: Any) -> None:
    store.hset(keys.REGISTRY, "stores", '{"encrypted": true}')
    with Producer(each_server.url) as producer:
        with pytest.raises(EncryptionRequired, match=VARIABLE):
            producer.enqueue({"a": 1}, destination="stores")
        with pytest.raises(EncryptionRequired):
            producer.enqueue_many([{"a": 1}] * 10, destination="stores")
    assert not store.exists(keys.inbox("stores"), keys.bulk("stores"))


def test_the_same_door_takes_sealed_ones(keyed: Keyring, store: redis.Redis, each_server: Any) -> None:
    store.hset(keys.REGISTRY, "stores", '{"encrypted": true}')
    with Producer(each_server.url) as producer:
        producer.enqueue({"a": 1}, destination="stores")
    assert store.xlen(keys.inbox("stores")) == 1


def test_captured_events_are_clear(keyed: Keyring) -> None:
    with capture("stores") as captured:
        Producer("redis://localhost:1").enqueue({"email": MAIL}, destination="stores")
    assert captured.events() == [{"email": MAIL}]


def test_an_asynchronous_producer_seals_too(keyed: Keyring, store: redis.Redis, each_server: Any) -> None:
    store.hset(keys.REGISTRY, "stores", '{"pack": 100}')

    async def enqueue() -> list[str]:
        async with AsyncProducer(each_server.url) as producer:
            await producer.enqueue({"email": MAIL}, destination="stores")
            return await producer.enqueue_many(({"email": MAIL, "n": n} for n in range(4)), destination="stores")

    ids = asyncio.run(enqueue())
    ((_, single),) = store.xrange(keys.inbox("stores"))  # type: ignore[misc]
    ((_, pack),) = store.xrange(keys.bulk("stores"))  # type: ignore[misc]
    assert is_sealed(single[b"event"])
    assert MAIL.encode() in keyed.open(pack[b"events"], to_pack("stores", ids))


def test_the_command_seals_what_a_file_has(
    keyed: Keyring, store: redis.Redis, each_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", each_server.url)
    (tmp_path / "events.jsonl").write_text(json.dumps({"email": MAIL}) + "\n")
    assert main(["enqueue", "--destination", "stores", "--quiet", str(tmp_path / "events.jsonl")]) == 0
    ((_, fields),) = store.xrange(keys.inbox("stores"))  # type: ignore[misc]
    assert is_sealed(fields[b"event"])
