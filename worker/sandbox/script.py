"""How is a script of faults read? TOML or JSON, every mistake reported at once with its place."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

import tomllib

from worker.sandbox.faults import Action, Match, Step
from worker.sandbox.settings import Settings
from worker.sandbox.tokens import Token, parse_tokens

_ACTIONS: Final[tuple[str, ...]] = get_args(Action)


@dataclass(frozen=True, slots=True)
class Script:
    """What a sandbox starts with; each step stands beside how it was written, ``tokens`` None: any passes."""

    steps: tuple[tuple[Step, Mapping[str, Any]], ...] = ()
    seed: int = 0
    settings: Settings = field(default_factory=Settings)
    tokens: Mapping[str, Token] | None = None


def load_script(path: Path) -> Script:
    """Returns the script in the file ``path`` (``.json``, else TOML).

    Raises ValueError for one that cannot be read or understood, OSError where there is no file.
    """
    content = path.read_text(encoding="utf-8")
    try:
        written = json.loads(content) if path.suffix == ".json" else tomllib.loads(content)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path.name}: {error}") from None
    if not isinstance(written, dict):
        raise ValueError(f"{path.name}: must be a table")
    return parse_script(written)


def parse_script(written: Mapping[str, Any]) -> Script:
    """Returns the script ``{seed, settings, tokens, faults}``; raises ValueError with every mistake."""
    mistakes = [f"{name}: no such key" for name in sorted(set(written) - {"seed", "settings", "tokens", "faults"})]
    seed = written.get("seed", 0)
    if not _is_whole(seed):
        mistakes.append("seed: must be a whole number")
    settings, tokens = Settings(), None
    steps: list[tuple[Step, Mapping[str, Any]]] = []
    try:
        settings = settings.with_changes(written.get("settings", {}))
    except ValueError as error:
        mistakes.append(str(error))
    try:
        tokens = None if written.get("tokens") is None else parse_tokens(written["tokens"])
    except ValueError as error:
        mistakes.append(str(error))
    faults = written.get("faults", [])
    if not isinstance(faults, list):
        mistakes.append("faults: must be a list")
        faults = []
    for position, fault in enumerate(faults):
        found = _step_mistakes(fault)
        if found:
            mistakes.append(f"faults.{position}: {'; '.join(found)}")
        else:
            steps.append((parse_step(fault), fault))
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return Script(tuple(steps), seed, settings, tokens)


def parse_step(written: Any) -> Step:
    """Returns one step; raises ValueError with every mistake in it."""
    mistakes = _step_mistakes(written)
    if mistakes:
        raise ValueError("; ".join(mistakes))
    values = {name: value for name, value in written.items() if name != "match"}
    return Step(match=_match(written.get("match", {})), **values)


def _step_mistakes(written: Any) -> list[str]:
    if not isinstance(written, Mapping):
        return ["must be a table"]
    mistakes = _mistakes(written, _STEP, "")
    if "action" not in written:
        mistakes.append("action: is missing")
    match = written.get("match", {})
    if isinstance(match, Mapping):
        mistakes += _mistakes(match, _MATCH, "match.")
    return mistakes


def _match(written: Mapping[str, Any]) -> Match:
    nth = written.get("nth")
    return Match(
        path=written.get("path"),
        nth=None if nth is None else frozenset(nth if isinstance(nth, list) else [nth]),
        every=written.get("every"),
        after=written.get("after"),
        probability=written.get("probability"),
        event_ids=_names(written.get("event_id")),
        event_id_prefix=written.get("event_id_prefix"),
        events=_names(written.get("event")),
    )


def _names(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    return frozenset([value] if isinstance(value, str) else value)


_Check = tuple[Callable[[Any], bool], str]


def _mistakes(written: Mapping[str, Any], checks: Mapping[str, _Check], place: str) -> list[str]:
    found = []
    for name, value in written.items():
        if name not in checks:
            found.append(f"{place}{name}: no such key")
        elif not checks[name][0](value):
            found.append(f"{place}{name}: must be {checks[name][1]}")
    return found


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_whole(value) and value > 0


def _is_names(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TEXT: Final[_Check] = (lambda value: isinstance(value, str), "a text")
_POSITIVE: Final[_Check] = (_is_positive, "a whole number above 0")
_NAMES: Final[_Check] = (_is_names, "a text or a list of texts")

_STEP: Final[Mapping[str, _Check]] = {
    "action": (lambda value: value in _ACTIONS, f"one of {', '.join(_ACTIONS)}"),
    "match": (lambda value: isinstance(value, Mapping), "a table"),
    "times": (lambda value: value is None or _is_positive(value), "a whole number above 0, or null"),
    "code": (_is_whole, "a whole number"),
    "message": _TEXT,
    "http_status": (lambda value: _is_whole(value) and 200 <= value <= 599, "an HTTP status from 200 to 599"),
    "data": (lambda _value: True, ""),
    "html": _TEXT,
    "seconds": (lambda value: _is_number(value) and value >= 0, "a number of seconds, 0 or more"),
    "location": _TEXT,
    "close": (lambda value: isinstance(value, bool), "true or false"),
}
_MATCH: Final[Mapping[str, _Check]] = {
    "path": _TEXT,
    "nth": (
        lambda value: _is_positive(value) or (isinstance(value, list) and all(map(_is_positive, value))),
        "a whole number above 0, or a list of them",
    ),
    "every": _POSITIVE,
    "after": _POSITIVE,
    "probability": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "event_id": _NAMES,
    "event_id_prefix": _TEXT,
    "event": _NAMES,
}
