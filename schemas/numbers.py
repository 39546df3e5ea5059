"""How is a number read that a shop wrote, also as text and with a decimal comma?"""

from __future__ import annotations

import math
import re

from tiktok_events.text import EDGES

# JSON encoders carry 64 bits; beyond them an amount is a mistake anyway.
LOWEST, HIGHEST = -(2**63), 2**63 - 1
_MAX_CHARACTERS = 64

_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
# One to three digits, then groups of three, all with the same separator.
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([.,' \xa0\u2009\u202f])\d{3})(?:\1\d{3})*", re.ASCII)
_DECIMAL_COMMA = re.compile(r"\d+,\d+", re.ASCII)
_THREE_AFTER_COMMA = re.compile(r"[1-9]\d{0,2},\d{3}", re.ASCII)


class NotANumberError(ValueError):
    """A value that cannot be read as a number. Its message is a rule and never holds the value."""


def read_number(value: object) -> int | float:
    """Return `value` as a finite JSON number.

    Text is read deliberately, not by removing what is in the way:

    - `12.30`, `-4`, `1e3`: as in JSON; a single dot is always the decimal point (`1.234` is less than two).
    - `12,30`, `0,123`, `1234,567`: a decimal comma.
    - `1.234,56`, `1,234.56`, `1 234,56`: the last separator is the decimal one, the other groups by three.
    - `1.234.567`, `1,234,567`: a separator that comes twice groups by three.
    - `1,234`: refused. It is a thousand in New York and little more than one in Paris, and a guess is wrong by a
      factor of 1,000 in somebody's revenue.
    - Currency signs, letters, `N/A`, `NaN`, infinities, other scripts' digits: refused.

    Raises NotANumberError, also for booleans.
    """
    if type(value) is int:
        if LOWEST <= value <= HIGHEST:
            return value
        raise NotANumberError("must be a number of at most 64 bits")
    if type(value) is float:
        if math.isfinite(value):
            return value
        raise NotANumberError("must be a finite number")
    if type(value) is str:
        return _from_text(value.strip(EDGES))
    raise NotANumberError("must be a number")


def read_integer(value: object) -> int:
    """Return `value` as a whole number; `2.0` and `"2"` are whole. Raises NotANumberError."""
    number = read_number(value)
    if isinstance(number, int):
        return number
    if not number.is_integer():
        raise NotANumberError("must be a whole number")
    if not LOWEST <= number <= HIGHEST:
        raise NotANumberError("must be a number of at most 64 bits")
    return int(number)


def _from_text(text: str) -> float:
    if len(text) > _MAX_CHARACTERS:
        raise NotANumberError("must be a number")
    if _PLAIN.fullmatch(text):
        return _finite(text)
    sign, digits = ("-", text[1:]) if text[:1] == "-" else ("", text.removeprefix("+"))
    if _THREE_AFTER_COMMA.fullmatch(digits):
        raise NotANumberError("is ambiguous: the comma may group thousands or begin decimals; send a JSON number")
    if _DECIMAL_COMMA.fullmatch(digits):
        return _finite(sign + digits.replace(",", "."))
    whole, decimals = digits, ""
    for mark in ",.":
        head, found, tail = digits.rpartition(mark)
        # A separator that stands once, after another kind, begins the decimals.
        if found and mark not in head and tail.isdigit() and tail.isascii():
            whole, decimals = head, tail
    grouped = _GROUPED.fullmatch(whole)
    if grouped is None:
        raise NotANumberError("must be a number")
    return _finite(f"{sign}{whole.replace(grouped[1], '')}.{decimals or '0'}")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotANumberError("must be a finite number")
    return number
