"""An event whose identifiers were hashed at the door becomes the very same request as one in clear."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from schemas import Mapped, Mapper, MappingSettings, Rule
from schemas.identifier_places import hidden_places, identifier_places, of_any_source
from tiktok_events.errors import InvalidEvent
from tiktok_events.hashing import KINDS, UNUSABLE, Hashing, read_hashing
from tiktok_events.identifiers import HASHED

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def hashing(settings: MappingSettings) -> Hashing:
    return Hashing(region=settings.default_region, places=tuple(identifier_places(settings).items()))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_same_is_sent_of_every_golden_event(path: Path) -> None:
    case = json.loads(path.read_text())
    rules = tuple(Rule(**rule) for rule in case["settings"].get("mappings", ()))
    settings = MappingSettings(**{**case["settings"], "mappings": rules})
    mapper = Mapper(settings)

    def mapped(event: Any) -> Any:
        return mapper.map(event, event_id="door-1", received_at=1_789_999_260.5, now=1_789_999_320.0)

    clear = mapped(case["event"])
    try:
        at_door = mapped(hashing(settings).hashed(case["event"]))
    except InvalidEvent:
        assert not isinstance(clear, Mapped)
        return
    if isinstance(clear, Mapped):
        assert at_door.items == clear.items
        assert [note.path for note in at_door.notes] == [note.path for note in clear.notes]
    else:
        assert (at_door.reason, at_door.event) == (clear.reason, clear.event)


EMAIL = "1d6d38f8ad2e0e4a0bd4ed6ba3fe3e1a0d2a61e1e1b39a0b1fdf5b3cdc1c9f4b"


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("email", " Ada@Example.com ", "sha256 of ada@example.com"),
        ("email", "nobody", UNUSABLE),
        ("email", None, None),
        ("email", "  ", "  "),
        ("email", EMAIL.upper(), EMAIL.upper()),
        ("email", ["a@b", "a@b", "x"], ["sha256 of a@b", "sha256 of a@b", UNUSABLE]),
        ("phone", "(202) 555-0123", "sha256 of +12025550123"),
        ("phone", 12025550123, "sha256 of +12025550123"),
        ("phone", "12", UNUSABLE),
        ("external_id", 17, "sha256 of 17"),
        ("first_name", " Ada  May", "sha256 of adamay"),
        ("zip_code", "EC1A 1BB", "sha256 of ec1a1bb"),
    ],
)
def test_what_is_stored_in_place_of_an_identifier(kind: str, given: Any, stored: Any) -> None:
    from hashlib import sha256

    def expected(value: Any) -> Any:
        if isinstance(value, list):
            return [expected(each) for each in value]
        if isinstance(value, str) and value.startswith("sha256 of "):
            return sha256(value.removeprefix("sha256 of ").encode()).hexdigest()
        return value

    event = {"user": {"it": given, "other": 1}, "more": [{"user": "x"}]}
    before = copy.deepcopy(event)
    found = Hashing(region="US", places=(("user.it", kind), ("user.none", kind), ("more.0.user.x", kind))).hashed(event)
    assert found == {**event, "user": {"it": expected(stored), "other": 1}}
    assert event == before, "the app's own event stays as it is"


@pytest.mark.parametrize("value", [{"address": "ada@example.com"}, [["ada@example.com"]], "\ud800", object()])
def test_what_cannot_be_hashed_is_refused_without_its_value(value: Any) -> None:
    with pytest.raises(InvalidEvent) as caught:
        Hashing(places=(("user.email", "email"),)).hashed({"user": {"email": value}})
    assert "user.email" in str(caught.value)
    assert "ada" not in str(caught.value)


def test_the_client_knows_every_kind_that_leaves_as_a_hash() -> None:
    assert set(KINDS) == set(HASHED)
    assert set(of_any_source().values()) == set(HASHED)


@pytest.mark.parametrize("told", [None, [], {}, {"places": []}])
def test_what_an_older_worker_wrote_means_nothing(told: object) -> None:
    assert read_hashing(told) is None


def test_places_of_mappings_are_hashed_too_and_expressions_are_told() -> None:
    rules = (
        Rule("Purchase", fields={"user.email": "properties.buyer.mail", "user.phone": "userId", "user.ip": "a || b"}),
        Rule("Lead", fields={"user.email": "", "user.external_id": "a || b"}),
    )
    settings = MappingSettings(source="segment", event_source_id="1", mappings=rules)
    places = identifier_places(settings)
    assert (places["properties.buyer.mail"], places["userId"], places["anonymousId"]) == (
        "email",
        "phone",
        "external_id",
    )
    assert [fault.path for fault in hidden_places(settings)] == ["mappings.1.fields.user.external_id"]
