"""Celery is told where its wake-ups go in its own words, or that it cannot go there."""

from __future__ import annotations

import pytest

from tiktok_events.brokers import Broker, choose_broker


@pytest.mark.parametrize(
    ("url", "told", "options"),
    [
        ("redis://a:1/2", "redis://a:1/2", {}),
        ("rediss://u:p@a", "rediss://u:p@a", {}),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock", {}),
        ("amqp://guest@rabbit//", "amqp://guest@rabbit//", {}),
        ("redis://a:1/2?wait_replicas=1", "redis://a:1/2", {}),
        (
            "redis+sentinel://a,b:5/main/3",
            "sentinel://a:26379/3;sentinel://b:5/3",
            {"master_name": "main", "sentinel_kwargs": {"socket_timeout": 1.0}},
        ),
        (
            "redis+sentinel://u:p%40w@a/main?sentinel_password=s&wait_replicas=1",
            "sentinel://u:p%40w@a:26379/0",
            {"master_name": "main", "sentinel_kwargs": {"password": "s", "socket_timeout": 1.0}},
        ),
        ("sentinel://a:1;sentinel://b:2/?master_name=main", "sentinel://a:1;sentinel://b:2/", {"master_name": "main"}),
    ],
)
def test_every_url_in_celerys_words(url: str, told: str, options: dict[str, object]) -> None:
    assert choose_broker(url) == Broker(told, options)


def test_the_variable_goes_before_the_url_of_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://b")
    assert choose_broker("redis+cluster://a").url == "redis://b"


@pytest.mark.parametrize("url", ["redis+cluster://u:hunter2@a", "rediss+sentinel://u:hunter2@a/main"])
def test_what_celery_cannot_use_is_said_without_the_url(url: str) -> None:
    with pytest.raises(ValueError, match="set CELERY_BROKER_URL") as caught:
        choose_broker(url)
    assert "hunter2" not in str(caught.value)


def test_sentinels_without_the_name_of_the_master_are_refused() -> None:
    with pytest.raises(ValueError, match="master_name"):
        choose_broker("sentinel://a:1;sentinel://b:2")


def test_a_broker_does_not_show_its_password() -> None:
    assert "hunter2" not in repr(choose_broker("redis://u:hunter2@a"))
