"""Who is meant, and is this event theirs?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from schemas.identifier_places import Places
from tiktok_events.identifiers import hash_of, is_hashed
from tiktok_events.phones import NotAPhoneError, to_e164
from tiktok_events.text import NotTextError, read_text
from worker.people.hashes import hashes_in, parsed, texts_at

_NUMBER = re.compile(r"[+(]{0,2}\d(?:[\d ().\-/]{5,30})\d")
_LEAST_DIGITS = 7


class NobodyError(ValueError):
    """What was given is nothing a person could be found by. The message is a rule and never holds the value."""


@dataclass(frozen=True, slots=True)
class Person:
    """What a person is known by; any of it is enough. The repr shows none of it."""

    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    external_id: str | None = field(default=None, repr=False)

    def given(self) -> Mapping[str, str]:
        """Return what was given by its kind."""
        told = {"email": self.email, "phone": self.phone, "external_id": self.external_id}
        return {kind: text for kind, text in told.items() if text is not None}

    def resolved(self, regions: Iterable[str | None]) -> Person:
        """Return the person with every identifier in the form that is hashed.

        `regions` are those of the destinations; a phone number without its country code is read by them.

        Raises:
            NobodyError: one of the identifiers is none, or could be several people's.
        """
        forms = {kind: _read(kind, text) for kind, text in self.given().items()}
        for kind, text in forms.items():
            if is_hashed(text):
                forms[kind] = text.lower()
            elif kind == "phone":
                forms[kind] = _only_number(text, regions)
            elif kind == "email":
                forms[kind] = text.lower()
        return Person(**forms)

    def sought(self, places: Places, region: str | None) -> Sought:
        """Return how to recognize the person, resolved, in the events of one destination."""
        hashes = frozenset(hash_of(kind, text, region=None) for kind, text in self.given().items())
        email, number = (None if not text or is_hashed(text) else text for text in (self.email, self.phone))
        return Sought(hashes, email, number, places, region)


@dataclass(frozen=True, slots=True)
class Sought:
    """One person, as the events of one destination would show them. `email` and `number` are None if hashed."""

    hashes: frozenset[str] = field(repr=False)
    email: str | None = field(repr=False)
    number: str | None = field(repr=False)
    places: Places
    region: str | None

    def is_in(self, payload: bytes) -> bool:
        """Say whether the person is named anywhere in an event.

        Where identifiers belong, they are compared by their hash. An e-mail address or a phone number is also found in
        any other text, key or number, and in what is not JSON; a hash anywhere. An external id is looked for only where
        external ids belong: elsewhere "17" is a quantity.
        """
        event = parsed(payload)
        if event is None:
            return self._is_in_text(payload.decode("utf-8", "replace"))
        if not self.hashes.isdisjoint(hashes_in(event, self.places, self.region)):
            return True
        if self.number and any(
            kind == "phone" and self._ends_like(text) for kind, text in texts_at(event, self.places)
        ):
            return True
        return any(self._is_in_text(text) for text in _texts(event))

    def _is_in_text(self, text: str) -> bool:
        if len(text) == 64 and is_hashed(text):
            return text.lower() in self.hashes
        if "%" in text:
            text = unquote(text)
        if self.email and self.email in (lowered := text.lower()):
            around = rf"(?<![\w.+%-]){re.escape(self.email)}(?![\w-]|\.\w)"
            if re.search(around, lowered):
                return True
        return bool(self.number) and self._has_number(text)

    def _has_number(self, text: str) -> bool:
        assert self.number is not None  # noqa: S101 # asked before
        if sum(map(str.isdigit, text)) < _LEAST_DIGITS:
            return False
        for found in _NUMBER.finditer(text):
            # Reading a number costs 25 µs, and most numbers of an event are none.
            if not re.sub(r"\D", "", found[0]).endswith(self.number[-_LEAST_DIGITS + 1 :]):
                continue
            try:
                if to_e164(found[0], self.region) == self.number:
                    return True
            except NotAPhoneError:
                continue
        return False

    def _ends_like(self, text: str) -> bool:
        """Say whether a number that cannot be read (no country, no region) is the person's without its country."""
        assert self.number is not None  # noqa: S101 # asked before
        digits = re.sub(r"\D", "", text).lstrip("0")
        return len(digits) >= _LEAST_DIGITS and self.number.endswith(digits)


def _read(kind: str, given: str) -> str:
    try:
        text = read_text(given)
        if not text:
            raise NotTextError("is blank")
        if kind == "email":
            hash_of(kind, text, region=None)
    except ValueError as error:
        raise NobodyError(f"--{kind.replace('_', '-')}: {error}") from None
    return text


def _only_number(text: str, regions: Iterable[str | None]) -> str:
    found = set()
    for region in {None, *regions}:
        try:
            found.add(to_e164(text, region))
        except NotAPhoneError:
            continue
    if not found:
        raise NobodyError("--phone: is not a possible phone number; begin it with + and the country code")
    if len(found) > 1:
        raise NobodyError("--phone: is another number in another country; begin it with + and the country code")
    return found.pop()


def _texts(event: object) -> Iterator[str]:
    """Yield every text, key and long number of an event, however deep."""
    waiting = [event]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10 ** (_LEAST_DIGITS - 1):
            yield str(value)
