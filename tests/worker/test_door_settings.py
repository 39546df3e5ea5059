"""The settings of a destination's HTTP door: a secret is named, never written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from worker.config import Config, ConfigError, Secret
from worker.config.load import build

ENVIRONMENT = {"TOKEN": "token", "HOOK": "hook-secret"}


def config(door: Mapping[str, Any]) -> Config:
    raw = {
        "credentials": {"main": {"access_token": "${TOKEN}"}},
        "destinations": {
            "stores": {
                "kind": "events", "source": "segment", "credentials": "main",
                "event_source_id": "7654321098765432109", "door": door,
            }
        },
    }  # fmt: skip
    return build(raw, ENVIRONMENT, source="test")


def test_the_defaults() -> None:
    door = config({}).destinations["stores"].door
    assert (door.validate, door.segment_secret, door.segment_batches) == ("full", None, False)


def test_a_secret_comes_from_the_environment() -> None:
    assert config({"segment_secret": "${HOOK}"}).destinations["stores"].door.segment_secret == Secret("hook-secret")


@pytest.mark.parametrize(
    ("door", "fault"),
    [
        ({"segment_secret": "written-here"}, "segment_secret: must name an environment variable"),
        ({"segment_secret": "${NOT_SET}"}, "segment_secret: the environment variable NOT_SET is not set"),
        ({"segment_batches": True}, "segment_batches: has no meaning without segment_secret"),
        ({"validate": "some"}, "validate: must be one of: full, shape"),
        ({"segment_sercet": "${HOOK}"}, "did you mean segment_secret?"),
    ],
)
def test_faults_have_their_place_and_no_secret(door: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(door)
    assert f"destinations.stores.door.{fault}" in str(caught.value) or fault in str(caught.value)
    assert "written-here" not in str(caught.value)
