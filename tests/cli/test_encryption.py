"""What a person does with sealed events: show, mend, take elsewhere, seal anew, see what is needed."""

from __future__ import annotations

import base64
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis as redis_py

from tiktok_events.sealing import VARIABLE, is_sealed
from worker.dead_letters import Changes, DeadLetter, Queries
from worker.envelope import Envelope
from worker.keys import Keys

KEYS = Keys("stores")
EVENT = {"event": "Order Completed", "context": {"traits": {"email": "canary@example.com"}}}


def text(*names: str) -> str:
    return ",".join(f"{name}:{b64encode(name.encode().ljust(32, b'.')).decode()}" for name in names)


@pytest.fixture
def letters(redis: redis_py.Redis, shell: Any, monkeypatch: pytest.MonkeyPatch) -> redis_py.Redis:
    """Three dead letters, sealed with k1; commands have k1, too."""
    monkeypatch.setenv(VARIABLE, text("k1"))
    for number in range(3):
        envelope = Envelope(f"{number}-0", f"id-{number}", orjson.dumps(EVENT), 1)
        Changes(redis, KEYS).add(DeadLetter("stores", "rejected", "no", envelope, 1.0))
    shell.environment[VARIABLE] = text("k1")
    return redis


def test_a_dead_letter_is_shown_as_ever(letters: redis_py.Redis, shell: Any) -> None:
    assert json.loads(shell.run("dead-letters", "show", "0-0", "--json", "--reveal"))["payload"] == EVENT
    assert "canary" not in shell.run("dead-letters", "show", "0-0")


def test_one_that_does_not_open_says_why_and_cannot_be_mended(
    letters: redis_py.Redis, shell: Any, tmp_path: Path
) -> None:
    shell.environment[VARIABLE] = text("k2")
    shown = json.loads(shell.run("dead-letters", "show", "0-0", "--json", "--reveal"))
    assert shown["payload"].endswith("is sealed with key k1, which is not here)")
    (tmp_path / "mended.json").write_text("{}")
    said = shell.run("dead-letters", "edit", "0-0", "--file", str(tmp_path / "mended.json"), check=False)
    assert "its event is sealed with key k1, which is not here" in said


def test_an_export_is_sealed_and_comes_back(letters: redis_py.Redis, shell: Any, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    shell.run("dead-letters", "export", "--reveal", "-o", str(path))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(is_sealed(base64.b64decode(line["payload_base64"])) for line in lines)
    assert "canary" not in path.read_text()
    shell.run("dead-letters", "discard", "--all", "--yes")
    assert "3 imported" in shell.run("dead-letters", "import", str(path))
    found = Queries(letters, KEYS).get("0-0")
    assert found is not None
    assert orjson.loads(found.envelope.payload) == EVENT


def test_what_was_clear_in_redis_is_sealed_in_an_export(
    redis: redis_py.Redis, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    Changes(redis, KEYS).add(
        DeadLetter("stores", "rejected", "no", Envelope("0-0", "id-0", orjson.dumps(EVENT), 1), 1.0)
    )
    shell.environment[VARIABLE] = text("k1")
    (line,) = shell.run("dead-letters", "export", "--reveal").splitlines()
    assert is_sealed(base64.b64decode(json.loads(line)["payload_base64"]))


def test_an_export_in_clear_has_to_be_asked_for_and_is_audited(letters: redis_py.Redis, shell: Any) -> None:
    assert "add --yes" in shell.run("dead-letters", "export", "--clear", check=False)
    lines = [json.loads(line) for line in shell.run("dead-letters", "export", "--clear", "--yes").splitlines()]
    assert [orjson.loads(base64.b64decode(line["payload_base64"])) for line in lines] == [EVENT] * 3
    (told,) = json.loads(shell.run("audit", "--json"))
    assert (told["action"], told["details"]["clear"], told["details"]["count"]) == ("export", True, 3)


def test_what_is_imported_in_clear_is_sealed(letters: redis_py.Redis, shell: Any, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    shell.run("dead-letters", "export", "--clear", "--yes", "-o", str(path))
    shell.run("dead-letters", "discard", "--all", "--yes")
    shell.run("dead-letters", "import", str(path))
    assert all(map(is_sealed, letters.hvals(KEYS.dead_events)))


def test_an_import_of_what_does_not_open_says_so(letters: redis_py.Redis, shell: Any, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    shell.run("dead-letters", "export", "--reveal", "-o", str(path))
    before = letters.hget(KEYS.dead_events, "0-0")
    shell.run("dead-letters", "discard", "--all", "--yes")
    shell.environment[VARIABLE] = text("k2")
    assert "3 of them do not open" in shell.run("dead-letters", "import", str(path), check=False)
    assert letters.hget(KEYS.dead_events, "0-0") == before


def test_reencrypt_counts_asks_seals_anew_and_says_which_key_may_go(letters: redis_py.Redis, shell: Any) -> None:
    shell.environment[VARIABLE] = text("k2", "k1")
    rows = json.loads(shell.run("reencrypt", "--dry-run", "--json"))
    expected = {"destination": "stores", "place": "dead letters", "key": "k1", "payloads": 3, "drains": False}
    assert rows == [expected]
    assert "add --yes" in shell.run("reencrypt", check=False)
    said = shell.run("reencrypt", "--yes", check=False)
    assert "3 sealed with k2, 0 do not open" in said
    assert "no longer used in Redis: k1" in said
    assert json.loads(shell.run("reencrypt", "--yes", "--json")) == [{**expected, "key": "k2"}]
    shell.environment[VARIABLE] = text("k2")
    assert json.loads(shell.run("dead-letters", "show", "0-0", "--json", "--reveal"))["payload"] == EVENT


def test_reencrypt_shows_how_far_it_is(letters: redis_py.Redis, shell: Any) -> None:
    shell.environment[VARIABLE] = text("k2", "k1")
    screen = shell.terminal("reencrypt", "--yes").finish()
    assert "3/3" in screen
    assert "3 sealed with k2" in screen


def test_reencrypt_names_what_drains_and_what_has_no_key(letters: redis_py.Redis, shell: Any) -> None:
    shell.environment[VARIABLE] = text("k2")
    letters.xadd(KEYS.inbox, {"event": "{}"})
    table = shell.run("reencrypt", "--yes")
    assert any("inbox" in line and "(clear)" in line and "drains by itself" in line for line in table.splitlines())
    assert any("dead letters" in line and "its key is not here" in line for line in table.splitlines())


def test_reencrypt_without_keys_has_nothing_to_seal_with(shell: Any) -> None:
    shell.environment.pop(VARIABLE, None)
    assert f"there are no keys: set {VARIABLE}" in shell.run("reencrypt", check=False)


@pytest.mark.parametrize(
    ("keys", "state", "detail"),
    [
        ("", "warn", "off: payloads lie in Redis in clear"),
        (text("k2", "k1"), "pass", "seals with k2, opens with 1 more"),
        ("k1:c2VjcmV0", "fail", "the keys cannot be used"),
    ],
)
def test_the_doctor_looks_at_the_keys(keys: str, state: str, detail: str, redis: redis_py.Redis, shell: Any) -> None:
    shell.environment[VARIABLE] = keys
    said = shell.run("doctor", "--json", check=False)
    found = json.JSONDecoder().raw_decode(said)[0]
    (line,) = [each for each in found if each["subject"] == "encryption"]
    assert (line["state"], line["detail"]) == (state, detail)
    assert "c2VjcmV0" not in said
