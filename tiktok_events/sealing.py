"""How is an event kept from whoever reads Redis?

Sealed with AES-256-GCM. A sealed payload is, byte for byte::

    magic 96 54 45 31 | length of the key's id (1) | the key's id | nonce (12) | ciphertext | tag (16)

No text in UTF-8 begins with the magic's first byte, so sealed and clear payloads may lie side by side. What a payload
is bound to (GCM's associated data) is a word, the destination and the event's id, with a NUL between each: moved to
another event or destination it does not open. For a pack, which is sealed as a whole, SHA-256 of the ids, in lines,
stands in the id's place. Both sides use this module; other languages can do the same.

Source of the algorithm: NIST SP 800-38D. Its bound for random nonces, 2**32 payloads a key, is why keys are rotated.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import sha256

VARIABLE = "TIKTOK_EVENTS_ENCRYPTION_KEYS"
MAGIC = b"\x96TE1"
KEY_BYTES = 32

_NONCE_BYTES = 12
_TAG_BYTES = 16
_ID = re.compile(r"[A-Za-z0-9_.-]{1,32}", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9+/_-]{43}=?", re.ASCII)
_URL_SAFE = str.maketrans("-_", "+/")


class KeyringError(ValueError):
    """The keys cannot be used. ``faults`` names every reason by the place of its entry, never by what stands there."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class SealedError(Exception):
    """A payload does not open. The text says why, and holds nothing of it but the id of a key."""


class Keyring:
    """The keys of this process: the first one seals, all of them open.

    Args:
        keys: 32 bytes by the key's id, the one that seals first.
        draw: returns so many random bytes.

    Attributes:
        ids: those of the keys, in their order.
        current: that of the one that seals.

    Raises:
        KeyringError: ``cryptography`` is not installed.
    """

    def __init__(self, keys: Mapping[str, bytes], *, draw: Callable[[int], bytes] = os.urandom) -> None:
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError:
            raise KeyringError([f"{VARIABLE} needs cryptography: install tiktok-events[encryption]"]) from None
        self._ciphers = {_head(key_id): AESGCM(key) for key_id, key in keys.items()}
        self._refused = InvalidTag
        self._draw = draw
        self.ids = tuple(keys)
        self.current = self.ids[0]
        self._current_head = _head(self.current)
        self._seal = self._ciphers[self._current_head].encrypt

    def seal(self, clear: bytes, bound_to: bytes) -> bytes:
        """Returns the payload sealed with the first key."""
        nonce = self._draw(_NONCE_BYTES)
        return self._current_head + nonce + self._seal(nonce, clear, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Returns a payload as it was before it was sealed.

        Raises:
            SealedError: its key is not here, or it is damaged, or sealed for something else.
        """
        start = len(MAGIC) + 1 + (sealed[len(MAGIC)] if len(sealed) > len(MAGIC) else 0)
        cipher = self._ciphers.get(sealed[:start])
        if cipher is None:
            raise SealedError(_without_key(key_id(sealed)))
        end = start + _NONCE_BYTES
        if len(sealed) >= end + _TAG_BYTES:
            try:
                return cipher.decrypt(sealed[start:end], sealed[end:], bound_to)
            except self._refused:
                pass
        told = f"does not open with key {key_id(sealed)}: damaged, or sealed for another event or destination"
        raise SealedError(told)

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self.ids)})"


def _head(key_id: str) -> bytes:
    return MAGIC + bytes([len(key_id)]) + key_id.encode("ascii")


def open_with(keyring: Keyring | None, sealed: bytes, bound_to: bytes) -> bytes:
    """Returns ``keyring.open``, where there may be no keys at all.

    Raises:
        SealedError: see ``Keyring.open``.
    """
    if keyring is None:
        raise SealedError(_without_key(key_id(sealed)))
    return keyring.open(sealed, bound_to)


def _without_key(found: str | None) -> str:
    return "is damaged: it names no key" if found is None else f"is sealed with key {found}, which is not here"


def is_sealed(payload: bytes) -> bool:
    """Returns whether a payload is sealed, with whatever key."""
    return payload.startswith(MAGIC)


def key_id(sealed: bytes) -> str | None:
    """Returns the id of the key that a payload is sealed with, or None where there is none to be read."""
    start = len(MAGIC) + 1
    if not is_sealed(sealed) or len(sealed) < start:
        return None
    length = sealed[len(MAGIC)]
    found = sealed[start : start + length].decode("ascii", "replace")
    return found if len(found) == length and _ID.fullmatch(found) else None


def to_event(destination: str, event_id: str) -> bytes:
    """Returns what the payload of one event is bound to."""
    return b"event\0%b\0%b" % (destination.encode(), event_id.encode("utf-8", "surrogatepass"))


def to_pack(destination: str, ids: Iterable[str]) -> bytes:
    """Returns what the payload of a pack with the events of these ids is bound to."""
    lines = "\n".join(ids).encode("utf-8", "surrogatepass")
    return b"pack\0%b\0%b" % (destination.encode(), sha256(lines).digest())


def to_token(credential: str) -> bytes:
    """Returns what a token of a credential is bound to."""
    return b"token\0" + credential.encode()


def read_keyring(environment: Mapping[str, str] = os.environ) -> Keyring | None:
    """Returns the keys that the environment has, or None where it has none.

    Raises:
        KeyringError: with all faults.
    """
    text = environment.get("TIKTOK_EVENTS_ENCRYPTION_KEYS")
    return parse_keyring(text) if text else None


@lru_cache(maxsize=8)
def parse_keyring(text: str) -> Keyring:
    """Returns the keys of ``id:base64key,...``: each 32 bytes, in base64 of either alphabet; the first one seals.

    Raises:
        KeyringError: with all faults.
    """
    keys: dict[str, bytes] = {}
    faults: list[str] = []
    for place, entry in enumerate(text.split(","), start=1):
        found, colon, encoded = (part.strip() for part in entry.partition(":"))
        rules = []
        if not colon:
            rules.append("must be id:key")
        else:
            if not _ID.fullmatch(found):
                rules.append("its id must have 1 to 32 characters of a-z, A-Z, 0-9, ., - and _")
            if found in keys:
                rules.append("its id stands there twice")
            if not _KEY.fullmatch(encoded):
                rules.append("its key must be 32 bytes in base64, 44 characters")
        faults += [f"{VARIABLE}: entry {place}: {rule}" for rule in rules]
        if rules:
            continue
        key = b64decode(encoded.translate(_URL_SAFE).rstrip("=") + "=")
        if key in keys.values():
            faults.append(f"{VARIABLE}: entry {place}: its key is that of another id")
        keys[found] = key
    if faults:
        raise KeyringError(faults)
    return Keyring(keys)
