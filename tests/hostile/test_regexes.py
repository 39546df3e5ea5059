"""No text makes a regular expression of ours take longer than its length: none backtracks without end."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import schemas
import tiktok_events
import worker
from schemas.expressions import EvaluationError, Expression, ExpressionError
from schemas.numbers import NotANumberError, read_number
from schemas.suggestions import did_you_mean
from schemas.timestamps import NotATimeError, read_time
from tiktok_events.identifiers import protect
from tiktok_events.identity import event_identity
from tiktok_events.phones import NotAPhoneError, to_e164
from worker.errors import judge
from worker.masking import masked
from worker.redaction import redact

LONG = 8000
"""Characters. What grows with the square of the length takes 100 ms and more for so many, the rest a few."""
MOST_SECONDS = 0.05

OPERATORS_OWN = {"schemas.expressions", "schemas.templates", "worker.config"}
"""Read what an operator writes into the configuration, and nothing that comes from outside."""


def modules() -> Iterator[ModuleType]:
    for package in (schemas, tiktok_events, worker):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith(("__main__", ".django")) or found.name.startswith(tuple(OPERATORS_OWN)):
                continue
            yield importlib.import_module(found.name)


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for module in modules():
        for name, value in vars(module).items():
            parts = value if isinstance(value, tuple) else (value,)
            flat = itertools.chain.from_iterable(part if isinstance(part, tuple) else (part,) for part in parts)
            for number, part in enumerate(flat):
                if isinstance(part, re.Pattern) and isinstance(part.pattern, str):
                    yield f"{module.__name__}.{name}.{number}", part


PATTERNS = dict(patterns())
ALPHABET = "a1 .,:;@+-_()[{}'\"`\\$/=\t,"
TEXTS = [a * LONG for a in ALPHABET] + [(a + b) * (LONG // 2) for a, b in itertools.combinations('a1 .,@+-("\\', 2)]
TEXTS += [f"{head}{text}!" for head in ("+1", "(", "0", "a@") for text in ("0" * LONG, " " * LONG, "a." * (LONG // 2))]


def seconds(call: Callable[[], object]) -> float:
    """The least of three: what else the machine does is not the expression's."""
    least = float("inf")
    for _ in range(3):
        started = time.thread_time()
        call()
        least = min(least, time.thread_time() - started)
        if least < MOST_SECONDS:
            break
    return least


BOUNDED = {"schemas.numbers": 64}
"""Modules that refuse a longer text before any expression sees it."""


def uses(name: str) -> Iterator[Callable[[str], object]]:
    """Yield what the code does with an expression: match a whole text, or look for it everywhere."""
    module, variable, _ = name.rsplit(".", 2)
    code = Path(importlib.import_module(module).__file__ or "").read_text(encoding="utf-8")
    yield PATTERNS[name].fullmatch
    if set(re.findall(rf"{variable}\.(\w+)", code)) != {"fullmatch"}:
        yield lambda text: PATTERNS[name].sub("", text)


def test_the_expressions_are_found() -> None:
    assert len(PATTERNS) > 25


@pytest.mark.parametrize("name", PATTERNS)
def test_an_expression_takes_time_by_length_alone(name: str) -> None:
    longest = BOUNDED.get(name.rsplit(".", 2)[0], LONG + 10)
    for text in TEXTS:
        text = text[:longest]
        for call in uses(name):
            assert seconds(lambda text=text, call=call: call(text)) < MOST_SECONDS, repr(text[:6])


def test_the_measure_finds_one_that_backtracks() -> None:
    assert seconds(lambda: re.compile(r"[^\s@]+@[^\s@]+").sub("", "a" * LONG)) > MOST_SECONDS


def quiet(call: Callable[[str], object]) -> Callable[[str], object]:
    def called(text: str) -> object:
        try:
            return call(text)
        except (NotANumberError, NotATimeError, NotAPhoneError):
            return None

    return called


READERS: dict[str, Callable[[str], object]] = {
    "redact": redact,
    "masked": lambda text: masked({"note": text, text: [text]}),
    "number": quiet(read_number),
    "time": quiet(read_time),
    "phone": quiet(lambda text: to_e164(text, "US")),
    "person": lambda text: protect(
        {"email": [text], "phone": [text], "external_id": [text], "city": text, "ip": text, "zip_code": text},
        {},
        region="US",
    ),
    "identity": lambda text: event_identity({"event_id": text}),
    "suggestion": lambda text: did_you_mean(text, ["stores", "Purchase"] * 10),
    "TikTok's message": lambda text: judge(200, {"code": 40002, "message": text}),
}


@pytest.mark.parametrize("name", READERS)
def test_reading_a_text_takes_time_by_length_alone(name: str) -> None:
    for text in TEXTS:
        assert seconds(lambda text=text: READERS[name](text)) < MOST_SECONDS, repr(text[:6])


@pytest.mark.parametrize(
    "text",
    ["sort(@)", "join(',', @)", "to_string(@)", "max_by(@, &a)", "[].a", "[][]", "reverse(@)", "to_number(@)", "a || b",
     "contains(@, 'x')", "@ contains 'x'", "map(&to_string(@), @)", "@ == @", "merge(@, @)", "keys(@)", "avg(@)"],
)  # fmt: skip
@pytest.mark.parametrize(
    "event",
    [
        pytest.param(list(range(5000)), id="many numbers"),
        pytest.param([{"a": "x" * 50}] * 2000, id="many objects"),
        pytest.param({"a": "x" * 200_000}, id="a long text"),
        pytest.param(["9" * 4000] * 50, id="long digits"),
        pytest.param(1e308, id="a number"),
    ],
)
def test_a_mapping_takes_time_by_the_events_size_alone(text: str, event: object) -> None:
    expression = Expression(text)

    def find() -> None:
        with contextlib.suppress(EvaluationError):
            expression.find(event)

    assert seconds(find) < 0.5


@pytest.mark.parametrize(
    "text", ["a" * 2000, "(" * 500, "[" * 500, "a contains " * 200, "'" * 501, "a." * 1000, "!" * 500]
)
def test_an_expression_however_long_is_read_or_refused_in_time(text: str) -> None:
    def compile_() -> None:
        with contextlib.suppress(ExpressionError):
            Expression(text)

    assert seconds(compile_) < 1
