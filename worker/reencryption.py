"""How do payloads get from one key to the next while everything goes on, and which key is still needed?

Hashes (retries, dead letters, edits, tokens) are sealed anew value by value, each only if it is still what was read.
Streams are not touched: what lies in them is on its way, and whatever is stored of it later is sealed with the first
key. A crash leaves some of it done; the next run goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from tiktok_events.sealing import MAGIC, Keyring, SealedError, is_sealed, key_id, to_token
from worker.dead_letters.letter import read
from worker.envelope import Envelope, unpacked
from worker.keys import Keys, credential
from worker.scripts import run
from worker.vault import Vault

_COUNTED_AT_ONCE = 500
_READ_AT_ONCE = 100
_MOST_BYTES = 1_000_000
_TOKENS = ("access_token", "refresh_token")
_Change = tuple[bytes, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Use:
    """How many payloads of one place are sealed with a key; `key` None: they are clear, or name none.

    In the streams, `drains`, an entry counts once, be it an event or a pack, and goes by itself.
    """

    destination: str
    place: str
    key: str | None
    payloads: int
    drains: bool


@dataclass(slots=True)
class Progress:
    """What was done so far: values sealed anew, and those that do not open and stay as they are."""

    seen: int = 0
    resealed: int = 0
    locked: int = 0


def uses(redis: Redis, destinations: Iterable[str], credentials: Iterable[str]) -> list[Use]:
    """Count what is sealed with which key, everywhere."""
    found = []
    for name in destinations:
        keys = Keys(name)
        for place, key in zip(("inbox", "retry", "replay", "bulk"), keys.streams, strict=True):
            found += [Use(name, place, used, count, True) for used, count in _count(redis, key, packed=False)]
        for place, key in _hashes(keys):
            packed = key == keys.scheduled
            found += [Use(name, place, used, count, False) for used, count in _count(redis, key, packed=packed)]
    for name in credentials:
        counts = Counter(key_id(token) for token in _tokens(redis, name).values())
        found += [Use("", f"credential {name}", used, count, False) for used, count in counts.items()]
    return found


def size(redis: Redis, destinations: Iterable[str]) -> int:
    """Return how many values there are to look at, without the tokens."""
    return sum(int(redis.hlen(key)) for name in destinations for _, key in _hashes(Keys(name)))


def reencrypt(
    redis: Redis, keyring: Keyring, destinations: Iterable[str], credentials: Iterable[str]
) -> Iterator[Progress]:
    """Seal everything anew that is clear or sealed with another key than the first; yield how far it is."""
    progress = Progress()
    for name in destinations:
        keys, vault = Keys(name), Vault(name, keyring)
        for _, key in _hashes(keys):
            for part in _parts(redis, key):
                envelopes = _scheduled(part) if key == keys.scheduled else _dead(redis, keys, part)
                changes = _changes(part, envelopes, vault, progress, packed=key == keys.scheduled)
                progress.seen += len(part)
                progress.resealed += _put(redis, key, changes)
                yield progress
    for name in credentials:
        progress.resealed += _put(redis, credential(name), _token_changes(redis, name, keyring, progress))
        yield progress


def _hashes(keys: Keys) -> tuple[tuple[str, str], ...]:
    return ("retries", keys.scheduled), ("dead letters", keys.dead_events), ("edits", keys.dead_revisions)


def _count(redis: Redis, key: str, *, packed: bool) -> list[tuple[str | None, int]]:
    counts: Counter[str | None] = Counter()
    start = "-"
    while start:
        following, *told = run(redis, "census", [key], [start, _COUNTED_AT_ONCE, MAGIC, "packed" if packed else ""])
        for used, amount in zip(told[::2], told[1::2], strict=True):
            counts[used.decode("ascii", "replace") or None] += amount
        start = following.decode()
    return sorted(counts.items(), key=lambda each: each[0] or "")


def _parts(redis: Redis, key: str) -> Iterator[dict[bytes, bytes]]:
    cursor = 0
    while True:
        told: Any = redis.hscan(key, cursor, count=_READ_AT_ONCE)
        cursor, part = told
        if part:
            yield part
        if not cursor:
            return


def _scheduled(part: dict[bytes, bytes]) -> dict[bytes, Envelope]:
    return {ref: unpacked(packed) for ref, packed in part.items()}


def _dead(redis: Redis, keys: Keys, part: dict[bytes, bytes]) -> dict[bytes, Envelope]:
    metas: Any = redis.hmget(keys.dead_meta, list(part))
    return {
        ref: read(meta, payload).envelope
        for (ref, payload), meta in zip(part.items(), metas, strict=True)
        if meta is not None
    }


def _changes(
    part: dict[bytes, bytes], envelopes: dict[bytes, Envelope], vault: Vault, progress: Progress, *, packed: bool
) -> list[_Change]:
    changes = []
    for ref, envelope in envelopes.items():
        assert vault.keyring is not None  # noqa: S101 # who has none does not get here
        if key_id(envelope.payload) == vault.keyring.current:
            continue
        try:
            sealed = vault.resealed(envelope)
        except SealedError:
            progress.locked += 1
            continue
        head = part[ref][: len(part[ref]) - len(envelope.payload)] if packed else b""
        changes.append((ref, part[ref], head + sealed))
    return changes


def _tokens(redis: Redis, name: str) -> dict[str, bytes]:
    told: Any = redis.hmget(credential(name), list(_TOKENS))
    return {field: token for field, token in zip(_TOKENS, told, strict=True) if token}


def _token_changes(redis: Redis, name: str, keyring: Keyring, progress: Progress) -> list[_Change]:
    changes = []
    for field, token in _tokens(redis, name).items():
        if key_id(token) == keyring.current:
            continue
        try:
            clear = keyring.open(token, to_token(name)) if is_sealed(token) else token
        except SealedError:
            progress.locked += 1
            continue
        changes.append((field.encode(), token, keyring.seal(clear, to_token(name))))
    return changes


def _put(redis: Redis, key: str, changes: Sequence[_Change]) -> int:
    put, size = 0, 0
    args: list[str | bytes | float] = []
    for change in changes:
        args += change
        size += sum(map(len, change))
        if size >= _MOST_BYTES:
            put += int(run(redis, "reseal", [key], args))
            args, size = [], 0
    return put + (int(run(redis, "reseal", [key], args)) if args else 0)
