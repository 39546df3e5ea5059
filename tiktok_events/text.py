"""When is a text blank, where does it begin and end, and can it be sent?"""

from __future__ import annotations

# What Python, JavaScript and spreadsheets each call white space at the ends of a text, and the invisible marks that
# copying from web pages and right-to-left text leaves there. Written out because str.strip() keeps U+FEFF and U+200B.
EDGES = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2066\u2067\u2068\u2069\u3000\ufeff"
)

# More than any id has; str() of an integer without bound would take minutes or refuse.
_MAX_INTEGER_BITS = 128


class NotTextError(ValueError):
    """A value that cannot be read as text. Its message is a rule and never holds the value."""


def read_text(value: object) -> str:
    """Return `value` as trimmed text: a text itself, or a number as an id would be written (`12.0` is `12`).

    A blank text comes back as "". Raises NotTextError for anything else and for what UTF-8 cannot carry.
    """
    if type(value) is str:
        text = value.strip(EDGES)
        if not text.isascii() and not _is_unicode(text):
            raise NotTextError("must be valid Unicode text")
        return text
    if type(value) is int:
        if value.bit_length() > _MAX_INTEGER_BITS:
            raise NotTextError("must be a shorter number")
        return str(value)
    if type(value) is float:
        if value != value or value in (float("inf"), float("-inf")):
            raise NotTextError("must be text")
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    raise NotTextError("must be text")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_blank(value: object) -> bool:
    """Say whether `value` stands for nothing: null, an empty or white text, or a list of only such."""
    if value is None:
        return True
    if type(value) is str:
        return not value.strip(EDGES)
    if type(value) is list:
        return all(item is None or (type(item) is str and not item.strip(EDGES)) for item in value)
    return False
