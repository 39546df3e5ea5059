"""How is a script read, and what does it say about its mistakes?"""

import json

import pytest

from worker.sandbox import Sandbox, load_script

TOML = """
seed = 7
[settings]
requests_per_second = 10
event_source_ids = ["s-1"]
[tokens.t-1]
sources = ["s-1"]
[[faults]]
action = "throttle"
match = { path = "event/track/", nth = 3 }
times = 1
"""


def test_toml_and_json_say_the_same(tmp_path):
    toml, as_json = tmp_path / "script.toml", tmp_path / "script.json"
    toml.write_text(TOML)
    written = {
        "seed": 7,
        "settings": {"requests_per_second": 10, "event_source_ids": ["s-1"]},
        "tokens": {"t-1": {"sources": ["s-1"]}},
        "faults": [{"action": "throttle", "match": {"path": "event/track/", "nth": 3}, "times": 1}],
    }
    as_json.write_text(json.dumps(written))
    script = load_script(toml)
    assert script == load_script(as_json)
    assert script.settings.event_source_ids == frozenset({"s-1"})
    assert script.steps[0][0].match.nth == frozenset({3})


@pytest.mark.parametrize("name", ["script.toml", "script.json"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / name).write_text("{")
    with pytest.raises(ValueError, match=name):
        load_script(tmp_path / name)


@pytest.mark.parametrize(
    ("script", "mistake"),
    [
        ({"fault": []}, "fault: no such key"),
        ({"seed": "x"}, "seed: must be a whole number"),
        ({"settings": {"strict": True}}, "settings.strict: no such setting"),
        ({"settings": {"index_form": "data"}}, "settings.index_form: must be one of documented"),
        (
            {"settings": {"requests_per_second": 0}},
            "settings.requests_per_second: must be a whole number above 0",
        ),
        ({"tokens": {"secret": {"state": "dead"}}}, "token 1.state: must be one of ok, expired, revoked"),
        ({"tokens": {"secret": {"scope": []}}}, "token 1: no such key: scope"),
        ({"faults": {}}, "faults: must be a list"),
        ({"faults": [5]}, "faults.0: must be a table"),
        ({"faults": [{"match": {}}]}, "faults.0: action: is missing"),
        ({"faults": [{"action": "explode"}]}, "faults.0: action: must be one of code, http"),
        ({"faults": [{"action": "slow", "second": 1}]}, "faults.0: second: no such key"),
        ({"faults": [{"action": "slow", "times": 0}]}, "faults.0: times: must be a whole number above 0"),
        (
            {"faults": [{"action": "slow", "match": {"probability": 2}}]},
            "match.probability: must be a number",
        ),
        ({"faults": [{"action": "slow", "match": {"event_id": 5}}]}, "match.event_id: must be a text"),
    ],
)
def test_a_mistake_is_named_with_its_place(script, mistake):
    with pytest.raises(ValueError, match=r".") as caught:
        Sandbox(script=script)
    assert mistake in str(caught.value)
    assert "secret" not in str(caught.value)


def test_all_mistakes_are_told_at_once():
    script = {"seed": "x", "settings": {"a": 1, "b": 2}, "faults": [{}, {"action": "x"}]}
    with pytest.raises(ValueError, match=r"seed.*settings\.a.*settings\.b.*faults\.0.*faults\.1"):
        Sandbox(script=script)
