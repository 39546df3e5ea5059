"""How is a request's body read without it costing more than it may?

Every bound is checked before what it bounds is held: bytes on the wire, bytes unpacked, characters of one event,
events. A body of 32 MiB in a few kilobytes of gzip is read piece by piece and given up at the bound.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from worker.door.problems import Refusal

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_UNPACKED_BYTES = 32 * 1024 * 1024
MAX_EVENTS = 10_000
WIRE_SHARE = 4
"""How much longer than `max_event_bytes` an event may be as it comes, for its spaces and escapes."""

_PIECE_BYTES = 65_536
_BLANK = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One event as it came, or the rule that it breaks. After one that is `last` nothing more can be read."""

    value: Any = None
    fault: str | None = None
    last: bool = False


def checked(length: int | None) -> int:
    """Return the body's length. Raises Refusal."""
    if length is None:
        raise Refusal("length_required", "the request has no Content-Length")
    if length > MAX_BODY_BYTES:
        raise Refusal("too_large", f"the body has more than {MAX_BODY_BYTES} bytes")
    return length


def read_body(stream: IO[bytes], length: int) -> bytes:
    """Return the body as it came. Raises Refusal."""
    raw = stream.read(length)
    if len(raw) < length:
        raise Refusal("malformed_body", "the body ends before its Content-Length")
    return raw


def texts(raw: bytes, *, gzipped: bool) -> Iterator[str]:
    """Yield the body's text in pieces. Raises Refusal, also after some pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        for piece in _unzipped(raw) if gzipped else _cut(raw):
            yield decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        # Its text holds the bytes themselves.
        raise Refusal("malformed_body", "the body is not UTF-8") from None


def _cut(raw: bytes) -> Iterator[bytes]:
    for start in range(0, len(raw), _PIECE_BYTES):
        yield raw[start : start + _PIECE_BYTES]


def _unzipped(raw: bytes) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    waiting, total = raw, 0
    try:
        while waiting and not unpacker.eof:
            piece = unpacker.decompress(waiting, _PIECE_BYTES)
            waiting = unpacker.unconsumed_tail
            total += len(piece)
            if total > MAX_UNPACKED_BYTES:
                raise Refusal("too_large", f"the body has more than {MAX_UNPACKED_BYTES} bytes when unpacked")
            yield piece
    except zlib.error:
        raise Refusal("malformed_body", "the body is not gzip") from None
    if not unpacker.eof or unpacker.unused_data:
        raise Refusal("malformed_body", "the body is not one whole gzip stream")


def lines(pieces: Iterator[str], *, max_characters: int) -> Iterator[Parsed]:
    """Yield the events of NDJSON, one a line; blank lines count for nothing."""
    rest, skipping = "", False
    for piece in pieces:
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            if skipping or len(line) > max_characters:
                yield _too_long(max_characters)
            elif line.strip():
                yield _line(line)
            skipping = False
        if len(rest) > max_characters:
            rest, skipping = "", True
    if skipping:
        yield _too_long(max_characters)
    elif rest.strip():
        yield _line(rest)


def one_or_array(pieces: Iterator[str], *, max_characters: int) -> Iterator[Parsed]:
    """Yield the events of a JSON text: an object's one, or an array's. Raises Refusal."""
    window = _Window(pieces, max_characters)
    first = window.next()
    if first == "{":
        found = window.value()
        yield found
        if not found.last and window.next():
            yield Parsed(fault="there is more after the object; several events need an array, or lines", last=True)
    elif first == "[":
        yield from _elements(window)
    else:
        raise Refusal("malformed_body", "the body is empty, or neither a JSON object nor an array")


def _elements(window: _Window) -> Iterator[Parsed]:
    window.step()
    if window.next() == "]":
        window.step()
    else:
        while True:
            window.next()
            found = window.value()
            yield found
            if found.last:
                return
            mark = window.next()
            if mark not in (",", "]"):
                yield Parsed(fault="the array is broken, or ends, before this event: the rest was not read", last=True)
                return
            window.step()
            if mark == "]":
                break
    if window.next():
        yield Parsed(fault="there is more after the array: it was not read", last=True)


class _Window:
    """A part of a text, always with a whole event's worth of characters ahead, as far as there are any."""

    def __init__(self, pieces: Iterator[str], ahead: int) -> None:
        self._pieces = pieces
        self._ahead = ahead
        self._text = ""
        self._place = 0
        self._ended = False

    def next(self) -> str:
        """Return the next character that is no space, without taking it; "" at the end."""
        while True:
            self._fill()
            blank = _BLANK.match(self._text, self._place)
            self._place = blank.end() if blank else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if self._ended:
                return ""

    def step(self) -> None:
        """Take one character."""
        self._place += 1

    def value(self) -> Parsed:
        """Take one JSON value."""
        self._fill()
        try:
            found, end = _DECODER.raw_decode(self._text, self._place)
        except (ValueError, RecursionError):
            return Parsed(fault=f"is not JSON, nested too deep, or longer than {self._ahead} characters", last=True)
        if end - self._place > self._ahead:
            return _too_long(self._ahead)
        self._place = end
        return Parsed(found)

    def _fill(self) -> None:
        if self._ended or len(self._text) - self._place > self._ahead:
            return
        kept = [self._text[self._place :]]
        have = len(kept[0])
        # Twice as much as is needed, so that the copying is rare.
        while have <= 2 * self._ahead:
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
                break
            kept.append(piece)
            have += len(piece)
        self._text, self._place = "".join(kept), 0


def _line(line: str) -> Parsed:
    try:
        return Parsed(_DECODER.decode(line))
    except (ValueError, RecursionError):
        # The decoder's own text may repeat the line.
        return Parsed(fault="is not JSON, or nested too deep")


def _too_long(max_characters: int) -> Parsed:
    return Parsed(fault=f"is longer than {max_characters} characters")


def _no_constant(_name: str) -> NoReturn:
    raise ValueError


# NaN and Infinity are Python's, not JSON's.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
