"""What may be sent about a person, and in which form?

Normalizing and hashing after TikTok's rules for `user` (Events API 2.0): e-mail trimmed and lower-cased, phone in
E.164 with the `+`, external id trimmed with its case kept; SHA-256 in lower-case hex. 64 hex characters are taken as
hashed already, in either case, and this is looked at before any normalizing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from schemas.phones import NotAPhoneError, to_e164

# What went wrong with a field of `user`: (path below the event in TikTok's form, rule).
Dropped = tuple[str, str]

_HASHED = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_HASH_OF_NOTHING = sha256(b"").hexdigest()
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


def is_hashed(text: str) -> bool:
    """Say whether a trimmed text is taken as a SHA-256 that was made already: 64 hex characters, in either case."""
    return len(text) == 64 and _HASHED.fullmatch(text) is not None


def is_usable_hash(text: str) -> bool:
    """Say whether a trimmed text is a SHA-256 of something, made already: 64 hex characters, in either case."""
    return is_hashed(text) and text.lower() != _HASH_OF_NOTHING


class UnusableError(ValueError):
    """An identifier nobody could be recognized by. Its message is a rule and never holds the value."""


def hashed(normalized: str) -> str:
    """Return the SHA-256 of the UTF-8 text in lower-case hex."""
    return sha256(normalized.encode()).hexdigest()


def email_hash(text: str) -> str:
    """Return the hash of a trimmed e-mail address. Raises UnusableError when it is none."""
    if _EMAIL.fullmatch(text) is None:
        raise UnusableError("is not an e-mail address")
    return hashed(text.lower())


def phone_hash(text: str, *, region: str | None) -> str:
    """Return the hash of a phone number in E.164. Raises UnusableError when it cannot be made E.164."""
    try:
        return hashed(to_e164(text, region=region))
    except NotAPhoneError as reason:
        raise UnusableError(str(reason)) from None


def protect(user: dict[str, Any], given: Any, *, region: str | None) -> tuple[dict[str, Any], list[Dropped]]:
    """Return `user` as it may be sent, and what was dropped from it.

    `user` is what the contract loaded: trimmed text, identifiers as lists in which "" stands for a blank one; `given`
    is the same part of the event before, which tells a list from a single value. The result's identifiers are lists
    without repetitions, and a field of which nothing is left is absent. Raises nothing.
    """
    dropped: list[Dropped] = []
    sent: dict[str, Any] = {}
    for field, value in user.items():
        if field in _HASHES:
            value = _hash_all(value, _HASHES[field], region, field, isinstance(given.get(field), list), dropped)
        elif field in _FORMS:
            value = _FORMS[field](value)
            if not value:
                dropped.append((f"user.{field}", _UNREADABLE[field]))
        if value:
            sent[field] = value
    return sent, dropped


def _taken_as_hashed(text: str) -> str:
    """Return a hash that came from outside in lower case. Raises UnusableError for that of nothing: many share it."""
    if text.lower() == _HASH_OF_NOTHING:
        raise UnusableError("is the hash of an empty value")
    return text.lower()


def _hash_all(
    texts: list[str],
    rule: Callable[[str, str | None], str],
    region: str | None,
    field: str,
    is_list: bool,
    dropped: list[Dropped],
) -> list[str]:
    found: dict[str, None] = {}  # keeps the order and no repetition
    for position, text in enumerate(texts):
        if not text:
            continue
        try:
            found[_taken_as_hashed(text) if is_hashed(text) else rule(text, region)] = None
        except UnusableError as reason:
            dropped.append((f"user.{field}.{position}" if is_list else f"user.{field}", str(reason)))
    return list(found)


def _name_hash(text: str) -> str:
    """TikTok asks for names and postal codes hashed; white space and case are what people differ in."""
    if is_hashed(text):
        return text.lower()
    return hashed("".join(text.split()).lower())


def _place(text: str) -> str:
    """Places go in clear, without the punctuation and spaces that spellings differ in, but with their own script."""
    return "".join(character for character in text.lower() if character.isalnum())


def _ip(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        return ""
    return text


def _advertising_id(text: str, *, upper: bool) -> str:
    return text.upper() if upper and not is_hashed(text) else text.lower()


_HASHES: dict[str, Callable[[str, str | None], str]] = {
    "email": lambda text, _: email_hash(text),
    "phone": lambda text, region: phone_hash(text, region=region),
    "external_id": lambda text, _: hashed(text),
}
_FORMS: dict[str, Callable[[str], str]] = {
    "first_name": _name_hash,
    "last_name": _name_hash,
    "zip_code": _name_hash,
    "city": _place,
    "state": _place,
    "country": _place,
    "ip": _ip,
    "idfa": lambda text: _advertising_id(text, upper=True),
    "gaid": lambda text: _advertising_id(text, upper=False),
}
_UNREADABLE = {
    "ip": "is not an IPv4 or IPv6 address",
    "city": "holds no letter or digit",
    "state": "holds no letter or digit",
    "country": "holds no letter or digit",
}
