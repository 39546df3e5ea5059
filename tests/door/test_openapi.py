"""The OpenAPI document is made of the schemas, and the door does what it says."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from marshmallow import Schema
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from waitress.server import create_server

from schemas import contract
from schemas import fields as kinds
from worker.door.openapi import document, unknown_kinds
from worker.door.problems import KINDS


def targets(schema: type[Schema], place: str = "") -> Iterator[str]:
    for name, field in schema().fields.items():
        inner = getattr(field, "inner", field)
        if isinstance(inner, kinds.Object):
            yield from targets(type(inner.schema), f"{place}{name}.")
        else:
            yield f"{place}{name}"


def described(schema: dict[str, Any], place: str = "") -> Iterator[str]:
    for name, part in schema["properties"].items():
        found = part.get("items", part)
        if "$ref" in found:
            known = document()["components"]["schemas"][found["$ref"].rpartition("/")[2]]
            yield from described(known, f"{place}{name}.")
        else:
            assert found, name
            yield f"{place}{name}"


def test_every_field_of_the_contract_is_described() -> None:
    plain = document()["components"]["schemas"]["PlainEvent"]
    assert set(described(plain)) == set(targets(contract.Event))
    assert unknown_kinds(contract.Event) == []
    assert plain["required"] == ["event"]


def test_every_refusal_is_described() -> None:
    (path,) = document()["paths"].values()
    assert set(path["post"]["responses"]) == {"202", *(str(kind.status) for kind in KINDS.values())}


def test_the_pages_need_nothing_from_outside(door: Any) -> None:
    page = door.client.get("/v1/docs", base_url="http://localhost")
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    text = page.get_data(as_text=True)
    assert "http://" not in text
    assert "https://" not in text
    assert "style=" not in text
    assert "onclick" not in text
    for asset in ("docs.js", "docs.css"):
        assert f"/v1/docs/{asset}" in text
        assert door.client.get(f"/v1/docs/{asset}", base_url="http://localhost").status_code == 200
    assert door.client.get("/v1/docs/../door.py", base_url="http://localhost").status_code == 404
    assert door.client.get("/v1/openapi.json", base_url="http://localhost").json == document()


@pytest.fixture
def served(make_app: Callable[..., Any]) -> Iterator[str]:
    server: Any = create_server(make_app(), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.trigger.pull_trigger(server.close)
    thread.join(30)


@pytest.mark.parametrize(
    ("validate", "mode"),
    [("shape", GenerationMode.POSITIVE), ("full", GenerationMode.POSITIVE), ("shape", GenerationMode.NEGATIVE)],
)
def test_schemathesis_finds_no_fault(served: str, token: str, validate: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{served}/v1/openapi.json")
    operation = schema["/v1/destinations/{destination}/events"]["POST"]

    @hypothesis.settings(
        max_examples=30, deadline=None, suppress_health_check=list(hypothesis.HealthCheck), derandomize=True
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        case.path_parameters["destination"] = "lax"
        if mode is GenerationMode.POSITIVE:
            case.query["validate"] = validate
        if "Idempotency-Key" in case.headers and mode is GenerationMode.POSITIVE:
            # The same key with another body is refused, and no document can say so.
            case.headers["Idempotency-Key"] = uuid.uuid4().hex
        # No schema says what each line of NDJSON is, that an Event-Id is for one event, or what the mapping asks.
        beyond = validate == "full" or case.media_type != "application/json" or "Event-Id" in case.headers
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"},
            session=session,
            excluded_checks=[positive_data_acceptance] if beyond else [],
        )

    with requests.Session() as session:
        run()
