"""Whose event it is, however they wrote themselves."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson
import pytest

from worker.people import NobodyError, Person

MakeOrder = Callable[..., dict[str, Any]]
EMAIL = {"email": " Ada@Example.COM "}
PHONE = {"phone": "(202) 555-0123"}
HASHED = sha256(b"ada@example.com").hexdigest()
NUMBER_HASHED = sha256(b"+12025550123").hexdigest()


@pytest.mark.parametrize(
    ("given", "event"),
    [
        (EMAIL, {"properties": {"email": "ADA@example.com"}}),
        (EMAIL, {"context": {"traits": {"email": ["x@y", "ada@example.com "]}}}),
        (EMAIL, {"context": {"traits": {"email": HASHED.upper()}}}),
        ({"email": HASHED}, {"properties": {"email": "Ada@example.com"}}),
        (EMAIL, {"anything": {"else": [HASHED]}}),
        (EMAIL, {"note": "write to <Ada@Example.com>, please."}),
        (EMAIL, {"context": {"page": {"url": "https://shop.example/?mail=ada%40example.com&x=1"}}}),
        (EMAIL, {"ada@example.com": 1}),
        (EMAIL, b"no JSON, but ada@example.com"),
        (PHONE, {"properties": {"phone": "+1 202 555 0123"}}),
        (PHONE, {"properties": {"phone": 12025550123}}),
        (PHONE, {"properties": {"phone": "2025550123"}}),
        (PHONE, {"traits": {"phone": NUMBER_HASHED}}),
        (PHONE, {"comment": "call 202-555-0123 after six"}),
        (PHONE, {"mobile": 2025550123}),
        ({"external_id": "17"}, {"userId": 17}),
        ({"external_id": "17"}, {"anonymousId": "17"}),
        ({"external_id": "17"}, {"userId": sha256(b"17").hexdigest()}),
    ],
)
def test_found(store: Any, given: dict[str, str], event: Any) -> None:
    payload = event if isinstance(event, bytes) else orjson.dumps(event)
    assert store.sought(**given).is_in(payload)


@pytest.mark.parametrize(
    ("given", "event"),
    [
        (EMAIL, {"properties": {"email": "bada@example.com"}}),
        (EMAIL, {"properties": {"email": "ada@example.com.au"}}),
        (EMAIL, {"note": "x-ada@example.com"}),
        (PHONE, {"properties": {"phone": "+1 202 555 0124"}}),
        (PHONE, {"properties": {"order_id": "99120255501239"}}),
        ({"external_id": "17"}, {"properties": {"quantity": 17, "userId": "17"}}),
        ({"external_id": "a"}, {"userId": "A"}),
    ],
)
def test_not_somebody_elses(store: Any, given: dict[str, str], event: Any) -> None:
    assert not store.sought(**given).is_in(orjson.dumps(event))


def test_a_number_that_could_not_be_read_is_compared_by_its_end(store: Any) -> None:
    places = {"properties.phone": "phone"}
    sought = Person(phone="+442079460123").resolved([]).sought(places, None)
    assert sought.is_in(b'{"properties": {"phone": "020 7946 0123"}}')
    assert not sought.is_in(b'{"properties": {"phone": "020 7946 0124"}}')


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"email": "nobody"}, "--email: is not an e-mail address"),
        ({"external_id": "  "}, "--external-id: is blank"),
        ({"phone": "12"}, "--phone: is not a possible phone number"),
    ],
)
def test_what_is_nobody_is_refused_without_its_value(given: dict[str, str], rule: str) -> None:
    with pytest.raises(NobodyError) as caught:
        Person(**given).resolved(["US"])
    assert str(caught.value).startswith(rule)
    assert given.popitem()[1].strip() not in str(caught.value).replace("--", "") or rule.endswith("blank")


def test_a_number_that_two_countries_read_differently_needs_its_country() -> None:
    with pytest.raises(NobodyError, match="country code"):
        Person(phone="02079460123").resolved(["GB", "IT"])


def test_a_persons_repr_shows_nobody() -> None:
    person = Person("ada@example.com", "+12025550123", "17")
    assert repr(person) == "Person()"
    assert "ada" not in repr(person.sought({}, None))
