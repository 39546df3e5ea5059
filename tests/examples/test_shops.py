"""The example shops report what was sold, and sell also while Redis is away."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.db import transaction
from django.test import Client
from fastapi.testclient import TestClient

import tiktok_events
from examples import fastapi_shop, flask_shop
from tiktok_events import EventTooLarge, InvalidEvent, Unavailable
from tiktok_events.django import enqueue_on_commit
from tiktok_events.testing import Captured, capture


@pytest.fixture(scope="session")
def django_client() -> Client:
    os.environ["DJANGO_SETTINGS_MODULE"] = "examples.django_shop"
    try:
        django.setup()
    finally:
        del os.environ["DJANGO_SETTINGS_MODULE"]
    return Client(raise_request_exception=True)


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture("stores") as captured:
        yield captured


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    tiktok_events._producer.cache_clear()
    yield
    tiktok_events._producer.cache_clear()


def orders(captured: Captured) -> list[Any]:
    return [(each.id, each.event["properties"]["order_id"]) for each in captured]


def test_django_reports_after_the_commit(django_client: Client, captured: Captured) -> None:
    answer = django_client.post("/orders/1001", {"email": "ada@example.com"})
    assert answer.json() == {"paid": True, "event_id": "order-1001"}
    assert orders(captured) == [("order-1001", "1001")]
    assert captured[0].event["context"]["traits"] == {"email": "ada@example.com"}


def test_django_reports_nothing_after_a_rollback(django_client: Client, captured: Captured) -> None:
    assert django_client.post("/orders/1001?fail").status_code == 402
    assert list(captured) == []


def test_what_happens_to_the_dict_before_the_commit_changes_nothing(django_client: Client, captured: Captured) -> None:
    event = {"messageId": "m-1", "properties": {"order_id": "1"}}
    with transaction.atomic():
        assert enqueue_on_commit(event, destination="stores") == "m-1"
        event["properties"] = {"order_id": "2"}
        assert list(captured) == []
    assert orders(captured) == [("m-1", "1")]


@pytest.mark.parametrize(
    ("event", "event_id", "error"),
    [({"at": object()}, None, InvalidEvent), ({}, "a@b", InvalidEvent), ({"a": "x" * 300_000}, None, EventTooLarge)],
)
def test_a_wrong_event_is_refused_where_it_is_made(
    django_client: Client, captured: Captured, event: dict[str, Any], event_id: str | None, error: type[Exception]
) -> None:
    with transaction.atomic(), pytest.raises(error):
        enqueue_on_commit(event, destination="stores", event_id=event_id)
    assert list(captured) == []


def test_without_redis_django_logs_or_raises_after_the_commit(
    django_client: Client, no_redis: None, caplog: pytest.LogCaptureFixture
) -> None:
    event = {"messageId": "m-1", "email": "ada@example.com"}
    with transaction.atomic():
        enqueue_on_commit(event, destination="stores")
    assert "Redis cannot be reached" in caplog.text
    assert "ada@" not in caplog.text
    with pytest.raises(Unavailable), transaction.atomic():
        enqueue_on_commit(event, destination="stores", robust=False)


def test_fastapi_reports(captured: Captured) -> None:
    with TestClient(fastapi_shop.app) as client:
        assert client.post("/orders/1001").json() == {"paid": True, "event_id": "order-1001"}
    assert orders(captured) == [("order-1001", "1001")]


def test_flask_reports(captured: Captured) -> None:
    assert flask_shop.app.test_client().post("/orders/1001").json == {"paid": True, "event_id": "order-1001"}
    assert orders(captured) == [("order-1001", "1001")]


def test_both_sell_without_redis(no_redis: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert flask_shop.app.test_client().post("/orders/7").json == {"paid": True, "event_id": None}
        with TestClient(fastapi_shop.app) as client:
            assert client.post("/orders/7").json() == {"paid": True, "event_id": None}
    assert caplog.text.count("order 7 was not reported") == 2
