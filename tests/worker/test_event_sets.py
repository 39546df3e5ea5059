"""Event sets are listed, made once, changed and removed; a destination may ask for one by its name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import redis as redis_py
from click.testing import CliRunner, Result

from tasks import deliver as task
from worker import audit
from worker.cli import context
from worker.cli.main import main
from worker.config import Config, ConfigError
from worker.config.load import build
from worker.connection import connect
from worker.event_sets import EventSets
from worker.inbox import Terms
from worker.keys import Keys
from worker.management import ManagementError
from worker.overview import look
from worker.runtime import Runtime
from worker.sandbox import Sandbox

ADVERTISER = "7000000000000000001"
BY_NAME = {"advertiser_id": ADVERTISER, "name": "Stores", "description": "all shops", "auto_tracking": True}
MakeConfig = Callable[..., Config]


@pytest.fixture
def config(sandbox: Sandbox) -> MakeConfig:
    def made(**settings: Any) -> Config:
        destination = {
            "kind": "events",
            "source": "segment",
            "credentials": "main",
            "base_url": sandbox.url,
            "default_region": "US",
            **({} if "event_set" in settings else {"event_source_id": "7654321098765432109"}),
            **settings,
        }
        raw = {"credentials": {"main": {"access_token": "${TOKEN}"}}, "destinations": {"stores": destination}}
        return build(raw, {"TOKEN": "token-of-the-test"}, source="test")

    return made


@pytest.fixture
def sets(config: MakeConfig, redis: redis_py.Redis) -> EventSets:
    here = Runtime(config(), connect=lambda: redis)
    destination = here.config.destinations["stores"]
    return EventSets(here.management(destination.credentials, destination.base_url), ADVERTISER)


@pytest.fixture
def run(config: MakeConfig, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command of `python -m worker` on the test's Redis and sandbox."""

    def ran(*arguments: str, config_: Config | None = None) -> Result:
        monkeypatch.setattr(context, "config", lambda: config_ or config())
        monkeypatch.setattr(context, "redis", lambda: redis)
        return CliRunner().invoke(main, list(arguments))

    return ran


def test_the_life_of_an_event_set(sets: EventSets) -> None:
    event_set_id = sets.create("Stores", description="all shops", auto_tracking=True)
    (found,) = sets.list(event_set_id=event_set_id)
    assert (found.name, found.description, found.auto_tracking) == ("Stores", "all shops", True)
    changed = sets.update(event_set_id, name="Shops", auto_tracking=False)
    assert (changed.event_set_id, changed.name, changed.auto_tracking) == (event_set_id, "Shops", False)
    assert [each.name for each in sets.list(name="Shops")] == ["Shops"]
    sets.delete(event_set_id)
    assert sets.list() == []
    with pytest.raises(ManagementError, match="40007"):
        sets.delete(event_set_id)


def test_a_write_conflict_is_tried_once_more(sets: EventSets, sandbox: Sandbox) -> None:
    sandbox.fault("code", code=40202, match={"path": "offline/create/"}, times=1)
    assert sets.create("Stores")
    sandbox.fault("code", code=40202, match={"path": "offline/create/"})
    with pytest.raises(ManagementError, match="40202"):
        sets.create("Stores")


def test_no_more_than_ten_calls_a_second_are_made(sets: EventSets) -> None:
    started = time.monotonic()
    for _ in range(15):
        sets.list()
    # A tenth of a second's calls may come at once.
    assert time.monotonic() - started > 1.2


@pytest.mark.covers(
    "amperity/setting/advertiser-id", "amperity/setting/event-set-name", "amperity/setting/auto-tracking"
)
def test_commands_make_show_change_and_remove_and_are_written_down(run: Any, redis: redis_py.Redis) -> None:
    common = ("--advertiser", ADVERTISER)
    made = run("event-sets", "create", *common, "--name", "Stores", "--description", "x", "--auto-tracking", "--json")
    event_set_id = orjson.loads(made.output)["event_set_id"]
    assert "already" in run("event-sets", "create", *common, "--name", "Stores").output
    changed = run("event-sets", "update", event_set_id, *common, "--name", "Shops", "--no-auto-tracking", "--json")
    assert [(each["name"], each["auto_tracking"]) for each in orjson.loads(changed.output)] == [("Shops", False)]
    assert "would be deleted" in run("event-sets", "delete", event_set_id, *common, "--dry-run").output
    assert "nobody to ask here" in run("event-sets", "delete", event_set_id, *common).output
    listed = orjson.loads(run("event-sets", "list", *common, "--json").output)
    assert [each["event_set_id"] for each in listed] == [event_set_id]
    assert run("event-sets", "delete", event_set_id, *common, "--yes").output == "deleted\n"
    assert orjson.loads(run("event-sets", "list", *common, "--json").output) == []
    actions = [each["action"] for each in audit.read(redis, limit=10)]
    assert actions == ["event-set delete", "event-set update", "event-set create"]


def test_crm_event_sets_have_a_name_only(run: Any) -> None:
    common = ("--advertiser", ADVERTISER, "--kind", "crm")
    assert "no description" in run("event-sets", "create", *common, "--name", "x", "--description", "y").output
    assert run("event-sets", "create", *common, "--name", "x").exit_code == 0
    (found,) = orjson.loads(run("event-sets", "list", *common, "--json").output)
    assert found["name"] == "x"


@pytest.mark.covers("amperity/credential/role")
def test_a_refusal_says_what_to_do(run: Any, sandbox: Sandbox) -> None:
    sandbox.fault("code", code=40001, message="No permission.", match={"path": "offline/get/"})
    result = run("event-sets", "list", "--advertiser", ADVERTISER)
    assert result.exit_code == 1
    assert "Admin or Operator" in result.output
    assert "token-of-the-test" not in result.output


def put(redis: redis_py.Redis, event: dict[str, Any]) -> None:
    redis.xadd(Keys("stores").inbox, {"event": orjson.dumps(event)})


@pytest.mark.covers("segment/setup/event-set")
def test_an_event_set_asked_for_by_name_is_made_once_and_used(
    config, redis, redis_url, sandbox, order_completed
) -> None:
    wanted = config(event_set=BY_NAME)
    found: list[str] = []

    def start() -> None:
        client = connect(redis_url)
        delivery, _ = Runtime(wanted, connect=lambda: client).of("stores")
        found.append(delivery.destination.mapping.event_source_id)
        client.close()

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert len(set(found)) == 1
    put(redis, order_completed(1))
    delivery, inbox = Runtime(wanted, connect=lambda: redis).of("stores")
    delivery.deliver(inbox.take("t", Terms(size=10)).batch)
    assert [event["event_source_id"] for event in sandbox.events] == [found[0]]
    sets = EventSets(
        Runtime(wanted, connect=lambda: redis).management(delivery.destination.credentials, sandbox.url), ADVERTISER
    )
    (made,) = sets.list()
    assert (made.name, made.description, made.auto_tracking) == ("Stores", "all shops", True)


def test_one_that_is_there_is_used_and_not_changed(config, redis, sets: EventSets) -> None:
    there = sets.create("Stores", description="older", auto_tracking=False)
    sets.create("Stores", description="newer")
    delivery, _ = Runtime(config(event_set=BY_NAME), connect=lambda: redis).of("stores")
    assert delivery.destination.mapping.event_source_id == there
    assert {each.description for each in sets.list()} == {"older", "newer"}


def test_another_name_asks_again(config, redis) -> None:
    first, _ = Runtime(config(event_set=BY_NAME), connect=lambda: redis).of("stores")
    second, _ = Runtime(config(event_set={**BY_NAME, "name": "Shops"}), connect=lambda: redis).of("stores")
    assert first.destination.mapping.event_source_id != second.destination.mapping.event_source_id


@pytest.mark.parametrize(("code", "pause"), [(40001, "unauthorized"), (40300, "misconfigured"), (50000, None)])
def test_without_its_event_set_a_destination_waits_and_loses_nothing(
    config, redis, sandbox, order_completed, monkeypatch, code, pause
) -> None:
    sandbox.fault("code", code=code, match={"path": "offline/get/"})
    here = Runtime(config(event_set=BY_NAME), connect=lambda: redis)
    monkeypatch.setattr(task, "runtime", lambda: here)
    monkeypatch.setattr(task, "current_app", SimpleNamespace(send_task=lambda *_, **__: None))
    put(redis, order_completed(1))
    task.deliver("stores")
    now = look(redis, "stores", now=time.time())
    assert (now.pause and now.pause.reason, now.waiting) == (pause, 1)
    assert pause is not None or float(redis.hget(Keys("stores").state, "blocked_until")) > time.time() * 1000
    sandbox.clear_faults()
    task.deliver("stores") if pause is None else None
    here.of("stores")


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"event_set": BY_NAME, "event_source_id": "1"}, "event_set: either this or event_source_id"),
        ({"event_set": BY_NAME, "event_source": "web"}, "event_set: is for event sources offline and crm only"),
        ({"event_set": {"name": "x"}}, "event_set.advertiser_id: "),
        ({"event_set": {**BY_NAME, "name": "x" * 41}}, "event_set.name: must have 1 to 40 characters"),
        ({"event_set": None}, "event_source_id: is required"),
    ],
)
def test_each_setting_has_its_rule(config, settings, place) -> None:
    with pytest.raises(ConfigError) as caught:
        config(**settings)
    assert any(fault.startswith(f"destinations.stores.{place}") for fault in caught.value.faults), caught.value.faults


def findings(run: Any, *arguments: str, **options: Any) -> dict[str, tuple[bool | None, int | None]]:
    result = run("credentials", "check", "--json", *arguments, **options)
    found = orjson.loads(result.output)
    assert result.exit_code == any(each["works"] is False for each in found)
    assert all(each["advice"] for each in found if each["works"] is False)
    return {each["what"]: (each["works"], each["code"]) for each in found}


@pytest.mark.covers("segment/setting/credentials-check")
def test_a_credential_and_its_event_set_are_checked(run: Any, config: MakeConfig, sets: EventSets) -> None:
    there = sets.create("Stores")
    good = config(event_source_id=there)
    assert findings(run, "--advertiser", ADVERTISER, config_=good) == {
        "token": (True, None),
        f"stores: offline {there}": (True, None),
    }
    wrong = findings(run, "--advertiser", ADVERTISER)
    assert wrong["stores: offline 7654321098765432109"] == (False, None)
    assert findings(run)["stores: offline 7654321098765432109"] == (None, None)
    assert findings(run, config_=config(event_set=BY_NAME))["stores: offline event set by name"] == (True, None)
    assert findings(run, config_=config(event_source="web"))["stores: web 7654321098765432109"] == (None, None)


@pytest.mark.parametrize(
    ("path", "code", "works"),
    [
        ("user/info/", 40105, False),
        ("user/info/", 40102, False),
        ("user/info/", 40104, False),
        ("user/info/", 40001, None),
        ("user/info/", 50000, None),
        ("offline/get/", 40001, False),
        ("offline/get/", 40106, False),
        ("offline/get/", 40300, False),
        ("offline/get/", 40100, None),
    ],
)
def test_what_does_not_work_is_told_with_what_to_do(
    run: Any, sandbox: Sandbox, path: str, code: int, works: Any
) -> None:
    sandbox.fault("code", code=code, match={"path": path})
    found = findings(run, "--advertiser", ADVERTISER)
    assert (works, code) in found.values()
    assert path != "user/info/" or works is not False or len(found) == 1


def test_a_person_reads_it_as_a_table(run: Any, sandbox: Sandbox) -> None:
    sandbox.fault("code", code=40105, match={"path": "user/info/"})
    result = run("credentials", "check")
    assert "DOES NOT WORK" in result.output
    assert "get a new one in Events Manager" in result.output
    assert "token-of-the-test" not in result.output
