"""A token lets in whom it was made for, until it ends or is revoked, and Redis never has it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from worker import audit
from worker.access import Access, AccessTokens, IssueError
from worker.cli import context
from worker.cli.main import main
from worker.config import Config
from worker.keys import ACCESS


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(redis: Redis, clock: Clock) -> AccessTokens:
    return AccessTokens(redis, clock=clock)


def test_a_token_gives_what_it_was_made_with(tokens: AccessTokens) -> None:
    issued = tokens.create("shop", ["enqueue", "read"], destinations=["stores"])
    access = tokens.verify(issued.text)
    assert access == Access("shop", frozenset({"enqueue", "read"}), frozenset({"stores"}), issued.record.token_id)
    assert access.may_enqueue("stores")
    assert not access.may_enqueue("web")


@pytest.mark.parametrize(
    ("scopes", "destinations", "allowed"),
    [({"enqueue"}, None, True), ({"enqueue"}, {"web"}, False), ({"read", "operate", "reveal"}, None, False)],
)
def test_enqueueing_needs_its_scope_and_the_destination(
    scopes: set[str], destinations: set[str] | None, allowed: bool
) -> None:
    access = Access("a", frozenset(scopes), None if destinations is None else frozenset(destinations))
    assert access.may_enqueue("stores") is allowed


@pytest.mark.parametrize("spoil", [
    lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
    lambda text: text[:4] + ("0" if text[4] != "0" else "1") + text[5:],
    lambda text: text + "0", lambda text: text.upper(), lambda text: text + "\n",
    lambda _: "", lambda _: "tte_", lambda _: "é" * 65, lambda _: "tte_used:00000000_" + "0" * 48,
])  # fmt: skip
def test_what_is_no_token_lets_nobody_in(tokens: AccessTokens, spoil: object) -> None:
    text = tokens.create("shop", ["read"]).text
    assert tokens.verify(spoil(text)) is None  # type: ignore[operator]


def test_a_revoked_token_lets_nobody_in_and_leaves_nothing(tokens: AccessTokens, redis: Redis) -> None:
    issued = tokens.create("shop", ["read"])
    assert tokens.verify(issued.text)
    assert tokens.revoke(issued.record)
    assert tokens.verify(issued.text) is None
    assert not redis.exists(ACCESS)
    assert not tokens.revoke(issued.record)


def test_a_token_ends(tokens: AccessTokens, clock: Clock) -> None:
    issued = tokens.create("shop", ["read"], lifetime_seconds=60)
    clock.now += 59
    assert tokens.verify(issued.text)
    assert tokens.exist("read")
    clock.now += 1
    assert tokens.verify(issued.text) is None
    assert not tokens.exist("read")


def test_last_use_is_written_once_an_hour(tokens: AccessTokens, clock: Clock) -> None:
    text = tokens.create("shop", ["read"]).text
    assert tokens.all()[0].used_at is None
    first = clock.now
    for _ in range(2):
        tokens.verify(text)
        assert tokens.all()[0].used_at == first
        clock.now += 3599
    tokens.verify(text)
    assert tokens.all()[0].used_at == clock.now


def test_exist_asks_for_scopes(tokens: AccessTokens) -> None:
    assert not tokens.exist()
    tokens.create("shop", ["enqueue"])
    assert tokens.exist()
    assert tokens.exist("enqueue", "read")
    assert not tokens.exist("read", "operate")


@pytest.mark.parametrize(
    ("name", "scopes", "destinations"),
    [("a b", ["read"], None), ("", ["read"], None), ("a", [], None), ("a", ["root"], None), ("a", ["read"], ["stores"]),
     ("a", ["enqueue"], []), ("taken", ["read"], None)],
)  # fmt: skip
def test_what_cannot_be_issued_is_refused(
    tokens: AccessTokens, name: str, scopes: list[str], destinations: list[str] | None
) -> None:
    tokens.create("taken", ["read"])
    with pytest.raises(IssueError):
        tokens.create(name, scopes, destinations=destinations)
    assert len(tokens.all()) == 1


def test_the_secret_is_nowhere_and_both_ends_are_audited(tokens: AccessTokens, redis: Redis) -> None:
    issued = tokens.create("shop", ["enqueue"], destinations=["stores"])
    tokens.verify(issued.text)
    secret = issued.text.rpartition("_")[2]
    tokens.revoke(tokens.create("other", ["read"]).record)
    everything = [redis.dump(key) for key in redis.scan_iter()]
    assert everything
    assert all(secret.encode() not in dump for dump in everything if dump)
    assert secret not in repr(issued)
    assert issued.record.digest not in repr(issued.record)
    told = [(record["action"], record["details"]["name"]) for record in audit.read(redis, limit=9)]
    assert told == [("token-revoke", "other"), ("token-create", "other"), ("token-create", "shop")]


def test_the_commands(redis: Redis, configure: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "redis", lambda: redis)
    monkeypatch.setattr(context, "config", configure)

    def run(*line: str) -> Result:
        return CliRunner().invoke(main, ["tokens", *line])

    made = run("create", "--name", "shop", "--scope", "enqueue", "--expires", "90d")
    text = made.stdout.strip()
    assert AccessTokens(redis).verify(text) is not None
    (listed,) = json.loads(run("list", "--json").stdout)
    assert (listed["name"], listed["scopes"], listed["destinations"]) == ("shop", ["enqueue"], None)
    assert text.rpartition("_")[2] not in run("list").stdout
    assert "did" not in run("create", "--name", "b", "--scope", "enqueue", "--expires", "soon").stdout
    assert run("create", "--name", "b", "--scope", "enqueue", "-d", "nowhere").exit_code == 1
    assert run("revoke", text, "--yes").exit_code == 1
    assert run("revoke", "shop").exit_code == 1
    assert "would be" in run("revoke", "shop", "--dry-run").stdout
    assert run("revoke", "shop", "--yes").exit_code == 0
    assert AccessTokens(redis).verify(text) is None
