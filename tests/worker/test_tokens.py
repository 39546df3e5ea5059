"""A refreshing credential is renewed by one worker at a time, and what came is kept before it is used."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
import redis as redis_py

from tiktok_events.sealing import is_sealed
from worker import keys
from worker.client import TikTokClient
from worker.config import Config, ConfigError, Secret
from worker.config.load import build
from worker.connection import connect
from worker.errors import Outcome, Verdict
from worker.inbox import Terms
from worker.keys import Keys
from worker.overview import look
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.tokens import RefreshingToken, tokens_of

PATH = "tt_user/oauth2/refresh_token/"
ENVIRONMENT = {"ID": "client-1", "SECRET": "very-secret", "REFRESH": "first-refresh-token", "TOKEN": "long-term"}
MakeConfig = Callable[..., Config]


@pytest.fixture
def config(sandbox: Sandbox) -> MakeConfig:
    def made(environment: dict[str, str] | None = None, **credential: Any) -> Config:
        raw = {
            "credentials": {
                "main": {
                    "kind": "refreshing",
                    "refresh_url": sandbox.url + PATH,
                    "client_id": "${ID}",
                    "client_secret": "${SECRET}",
                    "refresh_token": "${REFRESH}",
                    **credential,
                }
            },
            "destinations": {
                "stores": {
                    "kind": "events",
                    "source": "segment",
                    "credentials": "main",
                    "event_source_id": "7654321098765432109",
                    "base_url": sandbox.url,
                    "default_region": "US",
                }
            },
        }
        return build(raw, {**ENVIRONMENT, **(environment or {})}, source="test")

    return made


@pytest.fixture
def tokens(config: MakeConfig, redis: redis_py.Redis) -> Callable[..., RefreshingToken]:
    def made(config_: Config | None = None, **changes: Any) -> RefreshingToken:
        found = tokens_of((config_ or config()).credentials["main"], redis, TikTokClient())
        assert isinstance(found, RefreshingToken)
        return replace(found, **changes)

    return made


def renewals(sandbox: Sandbox) -> int:
    return sum(request["path"].endswith(PATH) for request in sandbox.requests)


@pytest.mark.covers("amperity/credential/refresh-token")
def test_the_first_token_is_got_and_both_are_kept(tokens, redis, sandbox) -> None:
    found = tokens().current()
    assert isinstance(found, Secret)
    stored = redis.hgetall(keys.credential("main"))
    assert stored[b"access_token"].decode() == found.reveal()
    assert stored[b"refresh_token"].startswith(b"sandbox-refresh-")
    assert tokens().current() == found
    assert renewals(sandbox) == 1


def test_a_token_is_renewed_a_minute_before_its_end(tokens, sandbox) -> None:
    now = time.time()
    first = tokens(clock=lambda: now).current()
    assert tokens(clock=lambda: now + 86_400 - 61).current() == first
    assert tokens(clock=lambda: now + 86_400 - 59).current() != first
    assert renewals(sandbox) == 2


def test_many_workers_renew_once(tokens, config, redis_url, sandbox) -> None:
    sandbox.fault("slow", seconds=0.2, match={"path": PATH})
    found: list[object] = []

    def ask() -> None:
        client = connect(redis_url)
        found.append(tokens(config(), redis=client).current())
        client.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert isinstance(found[0], Secret)
    assert renewals(sandbox) == 1


def test_the_next_refresh_token_is_kept_before_the_access_token_is_used(tokens, redis, monkeypatch) -> None:
    order: list[str] = []
    hset = redis.hset
    monkeypatch.setattr(redis, "hset", lambda *args, **kwargs: order.append("stored") or hset(*args, **kwargs))
    tokens().current()
    order.append("used")
    assert order == ["stored", "used"]


def test_redis_that_fails_for_a_moment_loses_no_token(tokens, redis, monkeypatch, sandbox) -> None:
    hset, failures = redis.hset, [redis_py.ConnectionError(), redis_py.TimeoutError()]

    def failing(*args: Any, **kwargs: Any) -> Any:
        if failures:
            raise failures.pop()
        return hset(*args, **kwargs)

    monkeypatch.setattr(redis, "hset", failing)
    assert isinstance(tokens().current(), Secret)
    assert redis.hget(keys.credential("main"), "refresh_token").startswith(b"sandbox-refresh-")


def test_a_refused_token_is_renewed_once_and_one_that_is_new_is_not(tokens, sandbox) -> None:
    now = time.time()
    made = tokens(clock=lambda: now)
    first = made.current()
    assert made.renewed(first) is None
    later = tokens(clock=lambda: now + 61)
    second = later.renewed(first)
    assert isinstance(second, Secret)
    assert second != first
    assert later.renewed(first) == second  # somebody else has renewed it already
    assert renewals(sandbox) == 2


def test_a_new_first_refresh_token_starts_over(tokens, config, sandbox) -> None:
    first = tokens().current()
    assert tokens(config({"REFRESH": "second-grant"})).current() != first
    assert renewals(sandbox) == 2


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"action": "code", "code": 40107}, Outcome.UNAUTHORIZED),
        ({"action": "code", "code": 40103}, Outcome.UNAUTHORIZED),
        ({"action": "code", "code": 40002}, Outcome.MISCONFIGURED),
        ({"action": "code", "code": 0}, Outcome.MISCONFIGURED),
        ({"action": "code", "code": 50000}, Outcome.UNAVAILABLE),
        ({"action": "code", "code": 40100}, Outcome.UNAVAILABLE),
        ({"action": "http", "http_status": 502}, Outcome.UNAVAILABLE),
        ({"action": "http", "http_status": 404}, Outcome.MISCONFIGURED),
        ({"action": "redirect", "location": "http://127.0.0.1:1/"}, Outcome.MISCONFIGURED),
        ({"action": "reset"}, Outcome.UNAVAILABLE),
    ],
)
def test_a_refusal_says_whether_to_wait_or_to_ask_a_person(tokens, redis, sandbox, fault, outcome) -> None:
    action, fault = fault["action"], {key: value for key, value in fault.items() if key != "action"}
    sandbox.fault(action, match={"path": PATH}, **fault)
    found = tokens().current()
    assert isinstance(found, Verdict)
    assert found.outcome is outcome
    assert not redis.exists(keys.credential_lock("main"))


def test_names_and_places_are_settings(tokens, config, sandbox) -> None:
    wrong = tokens(config(request={"client_id": "client_key"})).current()
    assert isinstance(wrong, Verdict)
    assert wrong.outcome is Outcome.MISCONFIGURED
    wrong = tokens(config(answer={"access_token": "access_token"})).current()
    assert isinstance(wrong, Verdict)
    assert wrong.message == "the answer has no access token at access_token"
    now = time.time()
    given = config({"REFRESH": "third"}, answer={"expires": "data.refresh_token_expires_in", "expires_as": "unix_time"})
    assert isinstance(tokens(given, clock=lambda: now).current(), Secret)


def test_no_secret_shows_itself(tokens, config, caplog) -> None:
    found = tokens().current()
    assert isinstance(found, Secret)
    for secret in (found.reveal(), *ENVIRONMENT.values()):
        assert secret not in repr(tokens()) + repr(tokens()._stored()) + repr(config()) + caplog.text


@pytest.mark.parametrize(
    ("credential", "fault"),
    [
        ({"client_id": None}, "client_id: is required for kind refreshing"),
        ({"refresh_url": "http://tiktok.example/"}, "refresh_url: must be https: the access token travels in a header"),
        ({"refresh_token": "in clear"}, "refresh_token: must name an environment variable"),
        ({"access_token": "${TOKEN}"}, "access_token: has no meaning for kind refreshing"),
        ({"answer": {"expires_as": "days"}}, "answer.expires_as: must be one of: seconds, unix_time"),
        ({"kind": "static"}, "access_token: is required for kind static"),
    ],
)
def test_each_setting_has_its_rule(config, credential, fault) -> None:
    with pytest.raises(ConfigError) as caught:
        config(**credential)
    assert any(each.startswith(f"credentials.main.{fault}") for each in caught.value.faults), caught.value.faults


def deliver(here: Runtime) -> None:
    delivery, inbox = here.of("stores")
    delivery.deliver(inbox.take("t", Terms(size=10)).batch)


@pytest.mark.parametrize("code", [40102, 40105])
def test_a_delivery_renews_a_refused_token_once_and_goes_on(config, redis, sandbox, order_completed, code) -> None:
    here = Runtime(config(), connect=lambda: redis)
    here.of("stores")[0].tokens.current()
    redis.hset(keys.credential("main"), "renewed_at", "0.0")
    sandbox.fault("code", code=code, match={"path": "event/track/"}, times=1)
    redis.xadd(Keys("stores").inbox, {"event": orjson.dumps(order_completed(1))})
    deliver(here)
    now = look(redis, "stores", now=time.time())
    assert (now.totals["delivered"], now.pause, renewals(sandbox)) == (1, None, 2)


def test_a_token_that_is_refused_again_pauses_the_destination(config, redis, sandbox, order_completed) -> None:
    here = Runtime(config(), connect=lambda: redis)
    sandbox.fault("code", code=40105, match={"path": "event/track/"})
    redis.xadd(Keys("stores").inbox, {"event": orjson.dumps(order_completed(1))})
    deliver(here)
    now = look(redis, "stores", now=time.time())
    assert now.pause is not None
    assert (now.pause.reason, now.scheduled, now.dead) == ("unauthorized", 1, 0)


@pytest.mark.parametrize(("code", "paused"), [(40107, True), (50000, False)])
def test_without_a_token_nothing_is_sent_and_no_attempt_is_used(
    config, redis, sandbox, order_completed, code, paused
) -> None:
    here = Runtime(config(), connect=lambda: redis)
    sandbox.fault("code", code=code, match={"path": PATH})
    redis.xadd(Keys("stores").inbox, {"event": orjson.dumps(order_completed(1))})
    deliver(here)
    now = look(redis, "stores", now=time.time())
    assert (now.pause is not None, now.scheduled, now.totals["deferred"]) == (paused, 1, 1)
    assert not any(request["path"].endswith("event/track/") for request in sandbox.requests)


KEY = "TIKTOK_EVENTS_ENCRYPTION_KEYS"


def test_with_keys_both_tokens_are_sealed_and_who_has_none_leaves_them_alone(
    tokens, redis, sandbox, monkeypatch
) -> None:
    monkeypatch.setenv(KEY, "k1:" + "A" * 43 + "=")
    found = tokens().current()
    assert isinstance(found, Secret)
    stored = redis.hgetall(keys.credential("main"))
    assert is_sealed(stored[b"access_token"])
    assert is_sealed(stored[b"refresh_token"])
    assert tokens().current() == found
    monkeypatch.setenv(KEY, "k2:" + "B" * 43 + "=")
    for refusal in (tokens().current(), tokens().renewed(found)):
        assert isinstance(refusal, Verdict)
        assert refusal.outcome is Outcome.MISCONFIGURED
        assert refusal.message == "the stored token is sealed with key k1, which is not here"
    assert redis.hgetall(keys.credential("main")) == stored
    assert renewals(sandbox) == 1, "the first refresh token is void by now"


def test_tokens_that_were_kept_in_clear_are_read_and_the_next_ones_are_sealed(
    tokens, redis, sandbox, monkeypatch
) -> None:
    now = time.time()
    first = tokens(clock=lambda: now).current()
    monkeypatch.setenv(KEY, "k1:" + "A" * 43 + "=")
    assert tokens(clock=lambda: now).current() == first
    tokens(clock=lambda: now + 86_400).current()
    assert is_sealed(redis.hget(keys.credential("main"), "refresh_token"))
