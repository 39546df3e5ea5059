"""What Sentry gets is chosen: a part that no list names is left out, whatever it holds."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import sentry_sdk

from worker import sentry

SECRET = "ada@example.com"


def frame() -> dict[str, Any]:
    return {"function": "f", "lineno": 1, "filename": "x.py", "vars": {"event": SECRET}, "context_line": SECRET}


def everything() -> dict[str, Any]:
    """An event with a value in each part that integrations and the SDK fill."""
    return {
        "event_id": "1",
        "level": "error",
        "request": {"data": SECRET, "url": SECRET, "headers": {"x": SECRET}},
        "user": {"email": SECRET},
        "breadcrumbs": {"values": [{"message": SECRET}]},
        "extra": {"sys.argv": [SECRET], "celery-job": {"args": SECRET}},
        "server_name": SECRET,
        "logentry": {"message": "%s", "params": [SECRET]},
        "threads": {"values": [{"stacktrace": {"frames": [frame()]}}]},
        "something_new": SECRET,
        "tags": {"reason": "invalid", "email": SECRET},
        "contexts": {
            "trace": {
                "trace_id": "a",
                "op": "queue.process",
                "data": {"db.statement": SECRET, "messaging.system": "redis"},
            },
            "celery-job": {"args": SECRET},
            "response": {"body": SECRET},
        },
        "exception": {
            "values": [
                {
                    "type": "KeyError",
                    "value": SECRET,
                    "mechanism": {"type": "celery", "handled": False, "data": {"x": SECRET}},
                    "stacktrace": {"frames": [frame()]},
                    "raw_stacktrace": {"frames": [frame()]},
                }
            ]
        },
        "spans": [
            {"op": "http.client", "description": "POST /x", "data": {"http.query": SECRET}, "tags": {"x": SECRET}}
        ],
    }


def test_what_no_list_names_is_left_out() -> None:
    told: Any = sentry.chosen(everything(), {})  # type: ignore[arg-type]
    assert SECRET not in orjson.dumps(told).decode()
    assert told["tags"] == {"reason": "invalid"}
    assert told["contexts"]["trace"] == {"trace_id": "a", "op": "queue.process", "data": {"messaging.system": "redis"}}
    (exception,) = told["exception"]["values"]
    assert exception["type"] == "KeyError"
    assert exception["stacktrace"]["frames"] == [{"function": "f", "lineno": 1, "filename": "x.py"}]
    assert told["spans"] == [{"op": "http.client", "description": "POST /x", "data": {}}]


def test_without_a_dsn_nothing_of_sentry_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENTRY_DSN", raising=False)
    monkeypatch.setattr(sentry_sdk, "init", lambda **_: pytest.fail("set up"))
    sentry.start()


@pytest.mark.parametrize("rate", ["often", "-0.1", "1.1", "nan"])
def test_a_rate_that_is_none_is_refused(rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTRY_DSN", "http://key@127.0.0.1:1/1")
    monkeypatch.setenv("SENTRY_TRACES_SAMPLE_RATE", rate)
    with pytest.raises(ValueError, match="SENTRY_TRACES_SAMPLE_RATE"):
        sentry.start()
