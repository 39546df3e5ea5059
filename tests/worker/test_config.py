"""A bad configuration is refused as a whole, with every fault and its place, and without a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomllib

from worker.config import ConfigError, load
from worker.config.load import build

ENVIRONMENT = {"TOKEN": "very-secret-token", "SET": "7654321098765432109"}
GOOD = """
[credentials.main]
access_token = "${TOKEN}"
[destinations.stores]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "${SET}"
"""


def faults(text: str, environment: dict[str, str] = ENVIRONMENT) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build(tomllib.loads(text), environment, source="destinations.toml")
    assert "very-secret-token" not in str(caught.value)
    return caught.value.faults


def stores(text: str, **settings: Any) -> Any:
    return build(tomllib.loads(text), ENVIRONMENT, source="test").destinations["stores"]


def test_defaults_are_tiktoks_limits_and_the_documented_ones() -> None:
    found = stores(GOOD)
    assert found.base_url == "https://business-api.tiktok.com/open_api/v1.3/"
    assert (found.batch_size, found.retry.max_attempts, found.mapping.max_event_age_seconds) == (1000, 12, 28 * 86400)
    assert (found.rate_limit.requests_per_second, found.rate_limit.requests_per_minute) == (1000, 600_000)
    assert (found.retry.min_backoff_seconds, found.retry.max_backoff_seconds) == (1.0, 600.0)
    assert found.mapping.event_source_id == "7654321098765432109"
    assert found.credentials.access_token.reveal() == "very-secret-token"


def test_the_legacy_endpoints_have_defaults_of_their_own() -> None:
    text = GOOD.replace('kind = "events"', 'kind = "offline"')
    assert (stores(text).batch_size, stores(text).mapping.name_style) == (50, "legacy")
    own = stores(text + 'batch_size = 200\nevent_names = "current"')
    assert (own.batch_size, own.mapping.name_style) == (200, "current")
    assert stores(GOOD).mapping.name_style == "current"


@pytest.mark.covers("segment/action/deprecated")
def test_a_deprecated_action_is_an_alias_and_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    actions = ("reportOfflineEvent", "trackPaymentOfflineConversion", "trackPaymentOfflineConversion")
    text = "".join(f'[[destinations.stores.mappings]]\nevent = "Purchase"\naction = "{action}"\n' for action in actions)
    with caplog.at_level("WARNING"):
        assert [rule.action for rule in stores(GOOD + text).mapping.mappings] == list(actions)
    place = "destinations.stores.mappings.1.action"
    assert [record.getMessage() for record in caplog.records] == [
        f"{place}: trackPaymentOfflineConversion is deprecated and does what reportOfflineEvent does"
    ]


def test_a_secret_shows_itself_nowhere() -> None:
    assert "very-secret" not in repr(build(tomllib.loads(GOOD), ENVIRONMENT, source="test"))


def test_all_faults_are_told_at_once_each_with_its_place() -> None:
    told = faults(
        """
[credentials.main]
access_token = "in clear"
[destinations.stores]
kind = "event"
source = "segment"
credentials = "other"
event_source_id = "1"
batchsize = 5
batch_size = 1001
base_url = "http://tiktok.example/open_api/v1.3/"
max_event_age = "four weeks"
[destinations.stores.retry]
max_attempts = 0
[destinations.Shop]
kind = "events"
"""
    )
    told_of = {fault.split(":")[0] for fault in told}
    assert told_of >= {
        "credentials.main.access_token",
        "destinations.stores.kind",
        "destinations.stores.batchsize",
        "destinations.stores.batch_size",
        "destinations.stores.base_url",
        "destinations.stores.max_event_age",
        "destinations.stores.retry.max_attempts",
        "destinations.stores.credentials",
    }
    assert any("did you mean batch_size?" in fault for fault in told)
    assert any(fault.startswith("destinations.Shop") for fault in told)
    assert not any("in clear" in fault for fault in told)


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ('base_url = "https://x.example/open_api/v1.3"', "base_url"),
        ('base_url = "https://user:pass@x.example/"', "base_url"),
        ('base_url = "ftp://x.example/"', "base_url"),
        ("batch_size = 0", "batch_size"),
        ('batch_size = "10"', "batch_size"),
        ('default_region = "Germany"', "default_region"),
        ('timeout = "30s"', "take_back_after"),
        ('retry = { min_backoff = "5m", max_backoff = "1m" }', "retry.max_backoff"),
        ('mappings = [ { when = "event ==", event = "Purchase" } ]', "mappings.0.when"),
        ('mappings = [ { event = "Purchas" } ]', "mappings.0.event"),
        ("mappings = [" + '{ event = "Purchase" },' * 51 + "]", "mappings"),
        ('event_names = "old"', "event_names"),
        ('max_event_age = "0s"', "max_event_age"),
        ("max_event_age = -5", "max_event_age"),
    ],
)
def test_each_setting_has_its_rule(changed: str, place: str) -> None:
    (told,) = faults(GOOD + changed)
    assert told.startswith(f"destinations.stores.{place}"), told


@pytest.mark.parametrize(
    ("text", "seconds"),
    [('"250ms"', 0.25), ('"1.5s"', 1.5), ('"10m"', 600), ('"6h"', 21_600), ('"2d"', 172_800), ("7", 7)],
)
def test_durations(text: str, seconds: float) -> None:
    assert stores(GOOD + f"retry = {{ max_backoff = {text}, min_backoff = 0.1 }}").retry.max_backoff_seconds == seconds


@pytest.mark.covers("segment/setting/access-token")
@pytest.mark.parametrize("token", ["", "   ", "tök", "a\nb"])
def test_a_token_that_cannot_go_into_a_header_is_refused(token: str) -> None:
    (told,) = faults(GOOD, {"TOKEN": token, "SET": "1"})
    assert told.startswith("credentials.main.access_token: the environment variable TOKEN")


def test_a_variable_that_is_not_set_is_told_by_name() -> None:
    (told,) = faults(GOOD, {"TOKEN": "x"})
    assert told == "destinations: the environment variable SET is not set"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8900/open_api/v1.3/", "http://localhost:1/", "http://[::1]:1/"])
def test_plain_http_is_for_loopback_only(url: str) -> None:
    assert stores(GOOD + f'base_url = "{url}"').base_url == url


@pytest.mark.parametrize("text", [None, "not toml ["])
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "destinations.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=r"no such file: set TIKTOK_EVENTS_CONFIG|is not TOML"):
        load(path, ENVIRONMENT)


def test_the_example_is_a_good_configuration() -> None:
    found = load(Path(__file__).parents[2] / "examples" / "destinations.toml", {"TIKTOK_ACCESS_TOKEN": "x"})
    assert set(found.destinations) == {"stores", "app"}


KEYS = "TIKTOK_EVENTS_ENCRYPTION_KEYS"


def test_faults_of_the_keys_are_among_the_others_without_a_key() -> None:
    found = faults(GOOD + "batch_size = 0\n", {**ENVIRONMENT, KEYS: "k1:very-secret-token,k1"})
    assert len(found) == 3
    assert f"{KEYS}: entry 1: its key must be 32 bytes in base64, 44 characters" in found


def test_only_who_has_keys_can_require_them() -> None:
    text = GOOD + "require_encryption = true\n"
    assert faults(text) == [f"destinations.stores.require_encryption: needs {KEYS}"]
    environment = {**ENVIRONMENT, KEYS: "k1:" + "A" * 43 + "="}
    assert build(tomllib.loads(text), environment, source="test").destinations["stores"].require_encryption
    assert not stores(GOOD).require_encryption
