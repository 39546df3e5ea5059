"""When is a request one too many?"""

import pytest


@pytest.fixture
def now():
    return [1_000_000_020.0]  # the middle of a minute


@pytest.fixture
def limited(start, now):
    def started(**settings):
        return start(script={"settings": settings}, clock=lambda: now[0])

    return started


def codes(client, count, **kwargs):
    return [client.get("user/info/", **kwargs).json()["code"] for _ in range(count)]


def test_there_is_no_limit_by_default(client):
    assert codes(client, 50) == [0] * 50


def test_a_second_has_its_limit_and_the_next_one_is_free(limited, now):
    client = limited(requests_per_second=2)
    assert codes(client, 4) == [0, 0, 40100, 40100]
    now[0] += 1
    assert codes(client, 3) == [0, 0, 40100]
    assert client.sandbox.stats["throttled"] == 3


def test_a_minute_that_was_overdrawn_costs_five(limited, now):
    client = limited(requests_per_minute=2)
    assert codes(client, 3) == [0, 0, 40100]
    now[0] += 299
    assert codes(client, 1) == [40100]
    now[0] += 1
    assert codes(client, 1) == [0]


def test_a_day_that_was_overdrawn_lasts_until_midnight_utc(limited, now):
    client = limited(requests_per_day=1)
    assert codes(client, 2) == [0, 40100]
    now[0] = (now[0] // 86_400 + 1) * 86_400 - 1
    assert codes(client, 1) == [40100]
    now[0] += 1
    assert codes(client, 1) == [0]


def test_tokens_and_endpoints_have_a_limit_each(limited, event):
    client = limited(requests_per_second=1)
    assert codes(client, 2) == [0, 40100]
    assert codes(client, 1, token="token-2") == [0]
    assert client.track(event())["code"] == 0


def test_a_refused_token_is_told_so_before_any_limit(limited):
    client = limited(requests_per_second=1)
    assert codes(client, 3, token=None) == [40104] * 3
