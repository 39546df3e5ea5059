"""Are identifiers normalized and hashed after TikTok's rules, and never in clear, blank or twice?"""

from __future__ import annotations

from hashlib import sha256
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import load
from tiktok_events.identifiers import protect

DIGEST = "ab" * 32


def hash_user(user: dict[str, Any], region: str | None = None) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    body, faults = load({"event": "Purchase", "event_id": "1", "user": user})
    assert not faults
    return protect(body.get("user", {}), user, region=region)


# The vectors that TikTok publishes with its parameters.
@pytest.mark.covers("segment/pii/hashed", "commanders-act/feature/automatic-hashing")
@pytest.mark.parametrize(
    ("field", "value", "digest"),
    [
        ("email", " ALICE_abc@gmail.com ", "848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f"),
        ("phone", "(+1)2133734253", "9f7ec22d72092cd3c0b58726ed9c2d91b92e51a3f29837508fb2948bb22dd2fd"),
        ("external_id", "user_123", "80fba0ae1c48e3978e43e4efc365e14e12ea0c830ba8ba5b9a2dafc7e3f2ab8b"),
    ],
)
def test_official_vectors(field: str, value: str, digest: str) -> None:
    assert hash_user({field: value}) == ({field: [digest]}, [])


@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [
        # Without the +, as some tags send it.
        ("phone", "+12133734253", "1f81adb30e11317806be982cc82769fbf8627833a89dd87cb24d282f71828830"),
        # An external id keeps its case.
        ("external_id", "USER_123", "80fba0ae1c48e3978e43e4efc365e14e12ea0c830ba8ba5b9a2dafc7e3f2ab8b"),
        # The digest of a digest.
        ("email", DIGEST, sha256(DIGEST.encode()).hexdigest()),
    ],
)
def test_well_known_mistakes_are_not_made(field: str, value: str, wrong: str) -> None:
    sent, _ = hash_user({field: value})
    assert len(sent[field]) == 1
    assert sent[field] != [wrong]


@pytest.mark.parametrize("field", ["email", "phone", "external_id"])
@pytest.mark.parametrize("blank", ["", "  ", "\ufeff", "\xa0\u200b", None, [], [None], ["", " "]])
def test_blank_is_absent_and_never_hashed(field: str, blank: Any) -> None:
    assert hash_user({field: blank}) == ({}, [])


@pytest.mark.covers("segment/pii/not-hashed-before")
@pytest.mark.parametrize("field", ["email", "phone", "external_id"])
@pytest.mark.parametrize("written", [DIGEST, DIGEST.upper(), f" {DIGEST} ", f"{DIGEST.upper()}\n"])
def test_a_digest_passes_through_in_lower_case(field: str, written: str) -> None:
    assert hash_user({field: written}) == ({field: [DIGEST]}, [])


@pytest.mark.parametrize(
    "written", ["Ada@Example.com", "ada@example.com\ufeff", "\xa0ada@EXAMPLE.com\u200b", "\tada@example.com"]
)
def test_spellings_of_an_address_have_one_hash(written: str) -> None:
    assert hash_user({"email": written})[0] == {"email": [sha256(b"ada@example.com").hexdigest()]}


@pytest.mark.parametrize(
    "written", ["ada", "ada@", "@example.com", "ada@example.com,bob@example.com", "a b@example.com", "a@b@c"]
)
def test_what_is_no_address_is_dropped_with_a_note(written: str) -> None:
    sent, dropped = hash_user({"email": written})
    assert (sent, dropped) == ({}, [("user.email", "is not an e-mail address")])


@pytest.mark.covers("segment/field/phone", "segment/field/email", "segment/field/external-id")
def test_lists_lose_blanks_and_repetitions_and_keep_their_order() -> None:
    one, two = (sha256(address.encode()).hexdigest() for address in ("b@example.com", "a@example.com"))
    sent, dropped = hash_user({"email": ["b@example.com", None, "", " B@example.com", "a@example.com", one.upper()]})
    assert (sent, dropped) == ({"email": [one, two]}, [])


def test_numbers_are_identifiers_too() -> None:
    sent, dropped = hash_user({"external_id": [42, "42"], "phone": 12015550123}, region="US")
    assert sent == {
        "external_id": [sha256(b"42").hexdigest()],
        "phone": [sha256(b"+12015550123").hexdigest()],
    }
    assert dropped == []


def test_a_note_names_the_place_in_the_list_and_not_the_number() -> None:
    sent, dropped = hash_user({"phone": ["", "+12015550123", "555"]})
    assert sent == {"phone": [sha256(b"+12015550123").hexdigest()]}
    assert dropped == [
        ("user.phone.2", "is not a phone number with its country code, and no default region is set"),
    ]


@pytest.mark.covers("amperity/column/ip")
@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("first_name", " Ada Maria ", sha256(b"adamaria").hexdigest()),
        ("last_name", DIGEST.upper(), DIGEST),
        ("zip_code", "SW1A 1AA", sha256(b"sw1a1aa").hexdigest()),
        ("city", "São Paulo", "sãopaulo"),
        ("state", "N.Y.", "ny"),
        ("country", "US", "us"),
        ("idfa", "aaaaaaaa-0000-4000-8000-000000000001", "AAAAAAAA-0000-4000-8000-000000000001"),
        ("idfa", DIGEST.upper(), DIGEST),
        ("gaid", "AAAAAAAA-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000001"),
        ("ip", "2001:db8::1", "2001:db8::1"),
        ("ttclid", "E.C.P." + "x" * 1000, "E.C.P." + "x" * 1000),
    ],
)
def test_other_fields_take_their_form(field: str, value: str, sent: str) -> None:
    assert hash_user({field: value}) == ({field: sent}, [])


@pytest.mark.parametrize(("field", "value"), [("ip", "300.1.1.1"), ("ip", "localhost"), ("city", "--")])
def test_what_cannot_be_read_is_dropped_with_a_note(field: str, value: str) -> None:
    sent, dropped = hash_user({field: value})
    assert sent == {}
    assert [path for path, _ in dropped] == [f"user.{field}"]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.ip_addresses().map(str),
        st.lists(st.integers(-1, 300).map(str), min_size=3, max_size=5).map(".".join),
        st.lists(
            st.sampled_from(["0", "00", "01", "1", "255", "256", "", " 1", "١", "1\n"]), min_size=4, max_size=4
        ).map(".".join),
    )
)
def test_an_ip_address_is_one_if_the_standard_library_says_so(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        assert protect({"ip": text}, {"ip": text}, region=None)[0] == {}
    else:
        assert protect({"ip": text}, {"ip": text}, region=None) == ({"ip": text}, [])


@pytest.mark.parametrize("field", ["email", "phone", "external_id"])
def test_one_identifier_is_hashed_as_one_of_several(field: str) -> None:
    for text in ("ada@example.com", "+12015550123", " x", "", DIGEST.upper(), "e3b0" + "0" * 60, "555"):
        alone, why = protect({field: [text]}, {field: text}, region="US")
        among, why_among = protect({field: ["", text, ""]}, {field: text}, region="US")
        assert (alone, why) == (among, why_among)


@pytest.mark.parametrize("field", ["email", "phone", "external_id"])
def test_the_hash_of_nothing_is_dropped_since_it_would_match_everybody(field: str) -> None:
    nothing = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
    sent, dropped = protect({field: [nothing]}, {field: nothing}, region=None)
    assert sent == {}
    assert dropped == [(f"user.{field}", "is the hash of an empty value")]
