"""Which URLs of Redis are understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

from tiktok_events.addresses import choose_url, parse_address


@pytest.mark.parametrize(
    ("url", "nodes", "service", "cluster"),
    [
        ("redis://cache", (("cache", 6379),), None, False),
        ("redis://:6380", (("localhost", 6380),), None, False),
        ("redis://[::1]:6380/3", (("::1", 6380),), None, False),
        ("rediss://cache:6380/0", (("cache", 6380),), None, False),
        ("redis+sentinel://a,b:1/main", (("a", 26379), ("b", 1)), "main", False),
        ("redis+sentinel://u:p@a,[::1]:5/main/2", (("a", 26379), ("::1", 5)), "main", False),
        ("redis+cluster://a,b:7001", (("a", 6379), ("b", 7001)), None, True),
        ("rediss+cluster://a/0", (("a", 6379),), None, True),
    ],
)
def test_hosts_service_and_topology(
    url: str, nodes: tuple[tuple[str, int], ...], service: str | None, cluster: bool
) -> None:
    address = parse_address(url)
    assert (address.nodes, address.service, address.cluster) == (nodes, service, cluster)
    assert address.link_class is (SSLConnection if url.startswith("rediss") else Connection)


def test_sign_in_and_database() -> None:
    address = parse_address("redis+sentinel://app:p%40ss@a,b/main/2?sentinel_password=other&client_name=shop")
    assert address.options == {"username": "app", "password": "p@ss", "db": 2, "client_name": "shop"}
    assert address.sentinel_options == {"password": "other", "client_name": "shop"}


def test_a_socket_is_a_path() -> None:
    address = parse_address("unix://:secret@/run/redis.sock?db=1")
    assert address.link_class is UnixDomainSocketConnection
    assert address.options == {"path": "/run/redis.sock", "password": "secret", "db": 1}


def test_a_url_cannot_turn_retries_on_or_waits_up() -> None:
    url = "redis://a?retry_on_timeout=yes&socket_timeout=90&retry_on_error=x&protocol=3&health_check_interval=1"
    assert parse_address(url).options == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://hunter2@a",
        "hunter2",
        "redis://",
        "redis+other://hunter2@a",
        "redis://u:hunter2@a,b",
        "redis://u:hunter2@a/stores",
        "redis://u:hunter2@a:port",
        "redis://u:hunter2@a:99999",
        "redis://u:hunter2@[a",
        "redis://u:hunter2@a?db=hunter2",
        "redis://u:hunter2@a?no_such_option=hunter2",
        "redis+sentinel://u:hunter2@a",
        "redis+cluster://u:hunter2@a/3",
        "unix://u:hunter2@",
    ],
)
def test_other_urls_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as caught:
        parse_address(url)
    assert "hunter2" not in str(caught.value)


def test_a_password_is_not_in_the_repr() -> None:
    address = parse_address("redis+sentinel://u:hunter2@a/main?sentinel_password=hunter3")
    assert "hunter" not in repr(address)


def test_a_given_url_goes_before_the_environment_and_this_before_the_embedded_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://environment")
    assert choose_url("redis://given") == "redis://given"
    assert choose_url() == "redis://environment"
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert choose_url() == f"unix://{tmp_path}/tiktok-events/redis.sock"
