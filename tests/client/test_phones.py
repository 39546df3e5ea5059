"""Does a phone number become strict E.164, the same by the short cut as by parsing, or is it refused?"""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from tiktok_events.phones import REGIONS, NotAPhoneError, parse_e164, to_e164


@pytest.mark.covers("segment/field/phone", "commanders-act/note/phone-format")
@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("+12015550123", None, "+12015550123"),
        ("(+1)2015550123", None, "+12015550123"),
        ("(+1)2015550123", "GB", "+12015550123"),
        ("+1 (201) 555-0123", None, "+12015550123"),
        ("(201) 555-0123", "US", "+12015550123"),
        ("12015550123", "US", "+12015550123"),
        ("+1 201 555 0123 ext. 45", None, "+12015550123"),
        ("+1 201 555 0123 x45", None, "+12015550123"),
        ("+44 (0)7700 900123", None, "+447700900123"),
        ("+44 ( 0 ) 7700 900123", None, "+447700900123"),
        ("+4407700900123", None, "+447700900123"),
        # Spain dials no zero, so only the brackets say that it goes.
        ("+34 (0)612 345 678", None, "+34612345678"),
        # In Italy the zero is part of the number.
        ("+39 06 1234 5678", None, "+390612345678"),
        ("00447700900123", None, "+447700900123"),
        ("00447700900123", "US", "+447700900123"),
        ("00447700900123", "AU", "+447700900123"),
        ("0044 (0)7700 900123", None, "+447700900123"),
        ("011 44 7700 900123", "US", "+447700900123"),
        ("07700 900123", "GB", "+447700900123"),
        # The whole 15 digits, not the first 14.
        ("+493012345678901", None, "+493012345678901"),
        ("+49 30 1234 5678 901", None, "+493012345678901"),
        ("\uff0b\uff11\uff12\uff10\uff11\uff15\uff15\uff15\uff10\uff11\uff12\uff13", None, "+12015550123"),
        ("+١٢٠١٥٥٥٠١٢٣", None, "+12015550123"),
        ("tel:+1-201-555-0123", None, "+12015550123"),
    ],
)
def test_becomes_e164(written: str, region: str | None, number: str) -> None:
    assert to_e164(written, region=region) == number


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("2015550123", None),
        ("07700 900123", None),
        ("5550123", "US"),  # possible only within one town
        ("12345", "US"),
        ("call me", "US"),
        ("+", "US"),
        ("+1201555012345678", None),
        ("+0012015550123", "US"),
        ("+99912345678", "US"),  # no such country code: not a number of the default region either
        ("0" * 300, "US"),
        ("", "US"),
    ],
)
def test_is_refused_rather_than_guessed(written: str, region: str | None) -> None:
    with pytest.raises(NotAPhoneError) as caught:
        to_e164(written, region=region)
    assert not written or written not in str(caught.value)


def test_says_that_a_default_region_would_help() -> None:
    with pytest.raises(NotAPhoneError, match="no default region"):
        to_e164("2015550123", region=None)


def _either(function: object, text: str, region: str | None) -> str:
    try:
        return function(text, region=region)  # type: ignore[operator]
    except NotAPhoneError as error:
        return f"refused: {error}"


_CODES = st.sampled_from(sorted(COUNTRY_CODE_TO_REGION_CODE))
_DIGITS = st.text(alphabet="0123456789", min_size=3, max_size=14)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(_CODES, st.integers(1, 999)), _DIGITS, st.sampled_from([None, "US", "DE"]))
@example(1, "12015550123", None)
@example(44, "07700900123", None)
@example(39, "00000000", None)
@example(52, "15512345678", None)
@example(54, "91123456789", None)
@example(55, "01511961234567", None)
@example(247, "40123", None)
def test_the_short_cut_equals_parsing(code: int, digits: str, region: str | None) -> None:
    text = f"+{code}{digits}"
    assert _either(to_e164, text, region) == _either(parse_e164, text, region)


@settings(max_examples=1500, deadline=None)
@given(
    st.sampled_from(["+", "+", "", "(", "(+", "00"]),
    st.one_of(_CODES, st.integers(0, 999)),
    st.text(alphabet="0123456789 ().-", min_size=3, max_size=20),
    st.sampled_from([None, *sorted(REGIONS)]),
)
@example("", 202, ") 555-0147", "US")
@example("(", 202, ") 555-0147", "US")
@example("(", 1, ")2025550147", "CA")
@example("", 1, "202 555-0147", "US")
@example("", 34, "612 345 67", "ES")
@example("+", 44, " (0)7700 900123", None)
@example("+", 39, " (0)6 1234 5678", "US")
def test_marks_between_digits_change_nothing(start: str, code: int, rest: str, region: str | None) -> None:
    text = f"{start}{code}{rest}"
    assert _either(to_e164, text, region) == _either(parse_e164, text, region)


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(sorted(REGIONS)), st.data())
def test_a_number_as_written_at_home_is_read_as_parsing_reads_it(region: str, data: st.DataObject) -> None:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    assert metadata is not None
    length = data.draw(st.sampled_from(sorted(metadata.general_desc.possible_length)))
    text = data.draw(st.text(alphabet="0123456789", min_size=length, max_size=length))
    assert _either(to_e164, text, region) == _either(parse_e164, text, region)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(REGIONS)), st.data())
def test_what_is_dialled_before_a_number_is_taken_off_as_parsing_does(region: str, data: st.DataObject) -> None:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    assert metadata is not None
    real = phonenumbers.example_number(region)
    digits = st.text(alphabet="0123456789", min_size=5, max_size=12)
    number = data.draw(digits if real is None else digits | st.just(phonenumbers.national_significant_number(real)))
    before = data.draw(st.sampled_from([metadata.national_prefix or "0", "0", "1", "8", ""]))
    abroad = [f"{start}{metadata.country_code}" for start in ("+", "00", "0 0", "00 ", metadata.international_prefix)]
    text = data.draw(st.sampled_from([*abroad, ""])) + data.draw(st.sampled_from([before, f"({before}) "])) + number
    home = data.draw(st.sampled_from([region, region, None, "US", "DE", "IT", "JP", "BR"]))
    assert _either(to_e164, text, home) == _either(parse_e164, text, home)


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("+1 (201) 555-0123", None),
        ("202.555.0188", "US"),
        ("+44 (0)7700 900123", "US"),
        ("07700 900123", "GB"),
        ("030 23125 123", "DE"),
        ("06 39 98 12 34", "FR"),
        ("0033 1 99 00 12 34", "US"),
        ("0033 1 99 00 12 34", "DE"),
        ("0033 1 99 00 12 34", None),
    ],
)
def test_usual_spellings_need_no_parsing(written: str, region: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = parse_e164(written, region=region)
    monkeypatch.setattr(phonenumbers, "parse", None)
    assert to_e164(written, region=region) == expected


@given(st.text(max_size=30), st.sampled_from([None, "US", "GB"]))
def test_any_text_is_e164_or_refused(text: str, region: str | None) -> None:
    found = _either(to_e164, text, region)
    assert found.startswith("refused") or (found[0] == "+" and found[1:].isdigit() and 8 <= len(found) <= 16)
