"""How does a phone number read in E.164, the only form TikTok hashes?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberFormat, ValidationResult

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)

_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_BRACKETED_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")

# Digits with the marks between them that parsing passes over, at most two at a time, as in `+1 (201) 555-0123`.
_WITH_MARKS = re.compile(r"[+(]?\d(?:[ ().-]{0,2}\d)+", re.ASCII)
_MARKS = b" ().-"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What parsing knows of one region's numbers, taken from its own metadata."""

    code: str
    lengths: frozenset[int]
    # Those that numbers of this calling code may have, whichever of its regions they belong to.
    lengths_abroad: frozenset[int]
    number: re.Pattern[str]
    # What is dialled before a number at home, and whether more is done about it than taking it off.
    prefix: re.Pattern[str] | None
    is_rewritten: bool
    # What is dialled before the calling code of another country.
    abroad: re.Pattern[str] | None

    def national(self, digits: str) -> str | None:
        """Return the national number that parsing makes of the digits after a calling code, None if that is not sure.

        As parsing does: a prefix goes, unless the digits are a number with it and none without it.
        """
        found = self.prefix.match(digits) if self.prefix else None
        if found:
            if self.is_rewritten:
                return None
            rest = digits[found.end() :]
            if self.number.fullmatch(rest) or not self.number.fullmatch(digits):
                digits = rest
        return digits if len(digits) in self.lengths else None


class NotAPhoneError(ValueError):
    """A text that cannot be made E.164. Its message is a rule and never holds the text."""


def to_e164(text: str, region: str | None) -> str:
    """Return the number as `+` and up to 15 digits; `region` (ISO 3166 alpha-2) reads numbers without country code.

    Extensions are dropped, and so are a leading `00` and the zero in brackets that is only dialled at home
    (`+44 (0)20 ...`). A number counts when its length is possible in its country, as `phonenumbers` knows it: lists of
    assigned ranges age faster than people change their numbers. Raises NotAPhoneError rather than guess.
    """
    if _E164.fullmatch(text):
        return _international(text) or parse_e164(text, region=region)
    if _WITH_MARKS.fullmatch(text):
        digits = text.encode().translate(None, _MARKS).decode()
        if text.startswith("00"):
            found = _from_abroad(digits, region)
        elif digits[0] == "+":
            found = _international(digits) if _E164.fullmatch(digits) else None
        else:
            found = _domestic(digits, region)
        if found:
            return found
    return parse_e164(text, region=region)


def parse_e164(text: str, *, region: str | None) -> str:
    """Do what `to_e164` does by parsing alone: the rule itself, to which that knows short cuts (2 instead of 25 µs)."""
    attempts = [(text, region)]
    without_zero = _BRACKETED_TRUNK_ZERO.sub("", text, count=1)
    if text.lstrip("( ")[:1] in {"+", "\uff0b"}:
        # What says its country must not be read as some other country's number.
        attempts = [(text, None), (without_zero, None)]
    elif text.startswith("00"):
        attempts += [("+" + text[2:], None), ("+" + without_zero[2:], None)]
    for candidate, candidate_region in attempts:
        found = _parse(candidate, candidate_region)
        if found is not None:
            return found
    if region is None and attempts == [(text, None)]:
        raise NotAPhoneError("is not a phone number with its country code, and no default region is set")
    raise NotAPhoneError("is not a possible phone number")


def _parse(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # Possible only within one town is not enough: E.164 is the whole number.
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return written if _E164.fullmatch(written) else None


def _international(number: str) -> str | None:
    """Return what parsing makes of `+` and up to 15 digits, None if that is not sure."""
    # No calling code begins with another one, so the first that is known is the one.
    for end in (2, 3, 4):
        plan = _plan_of_code(number[1:end])
        if plan is not None:
            digits = number[end:]
            national = plan.national(digits)
            return number if national is digits else _written(plan.code, national)
    return None


def _domestic(digits: str, region: str | None) -> str | None:
    """Return what parsing makes of digits without a country, None if that is not sure."""
    plan = _plan_of_region(region)
    if plan is None or digits.startswith(plan.code) or (plan.abroad and plan.abroad.match(digits)):
        return None
    national = plan.national(digits)
    if national is None or (national is digits and digits[0] == "0"):
        return None
    # Regions that share a calling code each have a plan, and the number must fit the first region's, too.
    return _written(plan.code, national) if len(national) in plan.lengths_abroad else None


def _from_abroad(digits: str, region: str | None) -> str | None:
    """Return what parsing makes of `00` and digits, None if that is not sure.

    It is a `+` to the region, or because with it they are no number there, or because there is no region.
    """
    plan = _plan_of_region(region)
    if plan is not None:
        found = plan.abroad.match(digits) if plan.abroad else None
        if found:
            is_plus = found.end() == 2
        else:
            is_changed = plan.prefix is not None and plan.prefix.match(digits) is not None
            is_plus = not is_changed and len(digits) not in plan.lengths | plan.lengths_abroad
        if not is_plus:
            return None
    number = f"+{digits[2:]}"
    return _international(number) if _E164.fullmatch(number) else None


def _written(code: str, national: str | None) -> str | None:
    number = f"+{code}{national}"
    return number if national and _E164.fullmatch(number) else None


# There are at most 999 calling codes, and as many regions as configurations name.
@cache
def _plan_of_region(region: str | None) -> _Plan | None:
    return _plan_of(PhoneMetadata.metadata_for_region(region, None)) if region else None


@cache
def _plan_of_code(code: str) -> _Plan | None:
    return _plan_of(_main_metadata(int(code)))


def _main_metadata(code: int) -> PhoneMetadata | None:
    """Return that of the first of the regions that share a calling code."""
    regions = COUNTRY_CODE_TO_REGION_CODE.get(code)
    return PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0]) if regions else None


def _plan_of(metadata: PhoneMetadata | None) -> _Plan | None:
    if metadata is None or metadata.general_desc is None or metadata.country_code is None:
        return None
    common = _main_metadata(metadata.country_code)
    return _Plan(
        code=str(metadata.country_code),
        lengths=frozenset(metadata.general_desc.possible_length),
        lengths_abroad=frozenset(common.general_desc.possible_length if common and common.general_desc else ()),
        number=re.compile(metadata.general_desc.national_number_pattern or ""),
        prefix=_compiled(metadata.national_prefix_for_parsing),
        is_rewritten=metadata.national_prefix_transform_rule is not None,
        abroad=_compiled(metadata.international_prefix),
    )


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None
