"""What does an app decide for its producer?"""

from __future__ import annotations

from dataclasses import dataclass

from tiktok_events.addresses import RedisAddress, choose_url, parse_address
from tiktok_events.errors import EnqueueError, Unavailable
from tiktok_events.sealing import Keyring, KeyringError, read_keyring
from tiktok_events.wake import Waker


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of ``Producer``, where the URL was read and Celery found; and the keys of the environment."""

    address: RedisAddress
    timeout_seconds: float
    max_event_bytes: int | None
    max_inbox: int | None
    waker: Waker | None
    keyring: Keyring | None = None
    hash_identifiers: bool = False


def read_settings(
    redis_url: str | None,
    timeout_seconds: float,
    max_event_bytes: int | None,
    max_inbox: int | None,
    *,
    wake: bool,
    hash_identifiers: bool = False,
) -> Settings:
    """Returns the settings for a producer's arguments.

    Raises:
        Unavailable: the URL is none.
        EnqueueError: ``wake`` without Celery; encryption keys that cannot be used.
    """
    url = choose_url(redis_url)
    try:
        address = parse_address(url)
    except ValueError as error:
        raise Unavailable(str(error)) from None
    try:
        keyring = read_keyring()
    except KeyringError as error:
        raise EnqueueError(str(error)) from None
    waker = Waker(url, timeout_seconds=timeout_seconds) if wake else None
    return Settings(address, timeout_seconds, max_event_bytes, max_inbox, waker, keyring, hash_identifiers)
