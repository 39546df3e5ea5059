"""One journey of marked values through every path, failures included; every output is searched for every mark."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import redis as redis_py
import requests

from tiktok_events import Producer
from worker.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
MAIL, PHONE, USER, FIRST, LAST = "canary.mail@example.com", "2025550199", "canary-user", "canaryfirst", "canarylast"
STREET, ADDRESS, CLICK, NOTE = "99 canary street", "203.0.113.77", "canary-ttclid", "leave it with canary-neighbour"
URL, KEY, AGENT = "canary-path?mail=canary", "canary-key@example.com", "canary-agent"
CANARIES = (MAIL, PHONE, USER, FIRST, LAST, STREET, ADDRESS, CLICK, NOTE, URL, KEY, AGENT, "canary")
"""The last one is in most of the others: also a part of a value is too much."""

MANIFEST = (
    "client: errors and log at DEBUG",
    "client: command line, its output",
    "door: answers",
    "web: log at DEBUG",
    "web: pages",
    "worker: log at DEBUG",
    "worker: metrics",
    "worker: spans of OpenTelemetry",
    "commands: output",
    "commands: preview",
    "alerts: webhook",
    "sentry: envelopes",
    "celery: messages in the broker",
    "redis: names of keys",
    "redis: its log",
    "redis: append-only file",
    "machine: process list",
    "machine: temporary files and state",
)
"""Every output that is searched."""

EXPECTED_WORDS = {
    "client: errors and log at DEBUG": "InvalidEvent EventTooLarge UnknownDestination InboxFull Unavailable",
    "client: command line, its output": "rejected",
    "door: answers": "invalid_events malformed_body unauthorized unknown_destination accepted unavailable",
    "worker: log at DEBUG": "batch settled event not delivered ValueError RuntimeError incident",
    "worker: metrics": "tiktok_events_",
    "worker: spans of OpenTelemetry": "process tiktok-events",
    "commands: output": "invalid rejected crash_loop exhausted mended dead letter again reveal",
    "commands: preview": "refused",
    "alerts: webhook": "paused unauthorized",
    "sentry: envelopes": "ValueError RuntimeError paused",
    "celery: messages in the broker": "tiktok_events.serve",
    "redis: names of keys": "tiktok-events:{stores}:dead:by:reason:crash_loop",
    "redis: append-only file": "XADD HSET tiktok-events:{stores}:dead:events tiktok-events:audit",
    "machine: process list": "celery worker",
    "web: pages": "dead letter retries audit",
}
"""What an output holds if its paths were taken: a search in what says nothing would find nothing."""


def canary_event(number: int, **more: Any) -> dict[str, Any]:
    properties = {
        "order_id": f"order-{number}",
        "value": 1,
        "currency": "USD",
        "ttclid": CLICK,
        "note": NOTE,
        KEY: NOTE,
        "url": f"https://shop.example/{URL}",
        "products": [{"product_id": f"sku-{number}", "price": 1, "quantity": 1}],
        **more.pop("properties", {}),
    }
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m-{number}",
        "userId": USER,
        "context": {
            "ip": ADDRESS,
            "userAgent": AGENT,
            "page": {"url": f"https://shop.example/{URL}"},
            "traits": {
                "email": MAIL.title(),
                "phone": f"+1{PHONE}",
                "firstName": FIRST.title(),
                "lastName": LAST,
                "address": {"street": STREET, "city": "canary city", "postalCode": "canary-zip"},
            },
        },
        "properties": properties,
        **more,
    }


def leaks(told: dict[str, str]) -> list[tuple[str, str]]:
    """Return every canary and the output it stands in, however it is written there."""
    found = []
    for place, text in told.items():
        everything = "\n".join(_readings(text)).lower()
        found += [(place, canary) for canary in CANARIES if canary in everything]
    return found


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it is, and as it reads without percent, JSON and base64 escapes."""
    yield text
    yield unquote(text)
    # Phone numbers are written with marks between their digits.
    yield re.sub(r"(?<=\d)[ ().-]{1,2}(?=\d)", "", text)
    yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    for run in set(re.findall(r"[A-Za-z0-9+/_-]{16,}={0,2}", text)):
        for start in range(4) if len(run) < 400 else (0,):
            part = run[start:].rstrip("=")
            padded = part[: len(part) - (len(part) % 4 == 1)]
            padded += "=" * (-len(padded) % 4)
            try:
                decoded = base64.b64decode(padded, altchars=b"-_" if "-" in padded or "_" in padded else None)
            except (binascii.Error, ValueError):
                continue
            yield decoded.decode("latin-1")


@pytest.mark.parametrize(
    "written",
    [
        str,
        str.title,
        lambda text: text.replace("@", "%40").replace(" ", "%20"),
        lambda text: base64.b64encode(f'{{"k":"{text} and more"}}'.encode()).decode(),
        lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
        lambda text: f"({text[:3]}) {text[3:6]}-{text[6:]}" if text.isdigit() else text,
    ],
    ids=["plain", "capitals", "percent", "base64", "escaped", "phone marks"],
)
def test_the_search_would_find_each_canary_in_each_output(written: Callable[[str], str]) -> None:
    usual = dict.fromkeys(MANIFEST, "batch settled 7654321098765432109 " * 3)
    assert leaks(usual) == []
    for place in MANIFEST:
        for canary in CANARIES:
            found = leaks({**usual, place: f"{usual[place]} before {written(canary)} after"})
            assert (place, canary) in found
            assert {where for where, _ in found} == {place}


CLIENT = """
import json, logging, sys, traceback
logging.basicConfig(level="DEBUG")
from tiktok_events import EnqueueError, Producer
good, url = json.loads(sys.stdin.read()), sys.argv[1]
mail = good["context"]["traits"]["email"]

class Strange:
    def __repr__(self):
        return mail

def attempt(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
        print("taken")
    except EnqueueError as error:
        print(type(error).__name__, str(error), repr(error), error.args, error.ids)
        traceback.print_exc()

def with_(key, value):
    return {**good, key: value}

with Producer(url) as producer:
    for event in (
        with_("x", float("nan")), with_(mail, float("inf")), with_("x", mail + "\\ud800"), with_(mail + "\\ud800", 1),
        with_("x", Strange()), with_(mail, {mail: Strange()}), with_("x", {mail}), with_("x", [[mail] * 9, b"x"]),
        [good], mail, None, with_("x", 10**5000),
    ):
        attempt(producer.enqueue, event, destination="stores")
        attempt(producer.enqueue_many, [good, event], destination="stores")
    attempt(producer.enqueue, with_("x", mail * 50000), destination="stores")
    attempt(producer.enqueue, good, destination="nowhere")
    attempt(producer.enqueue, good, destination=mail)
    attempt(producer.enqueue, good, destination="stores", event_id=mail)
    for _ in range(3):
        attempt(producer.enqueue, good, destination="tiny")
    attempt(producer.enqueue_many, [good] * 9, destination="tiny")
for broken in (f"redis://{mail.replace('@', '%40')}:secret@127.0.0.1:1/0", "redis://127.0.0.1:1/" + mail, mail):
    def connect():
        with Producer(broken) as producer:
            producer.enqueue(good, destination="stores")
    attempt(connect)
"""


class Journey:
    """Processes, what they say, and a look at the machine while they run."""

    def __init__(self, fleet: Any, folder: Path) -> None:
        self.fleet, self.folder = fleet, folder
        self.told: dict[str, list[str]] = {place: [] for place in MANIFEST}
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._look, self._listen)]

    def add(self, place: str, *texts: str) -> None:
        self.told[place] += texts

    def command(self, *words: str, given: str | None = None) -> str:
        """Run one command of the worker's; keep all it says."""
        said: str = self.fleet.run("worker", *words, given=given, check=False)
        self.add("commands: output", said)
        return said

    def __enter__(self) -> Journey:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _look(self) -> None:
        """Look at process list, temporary files and keys, five times a second."""
        client = redis_py.Redis.from_url(self.fleet.environment["REDIS_URL"])
        seen: dict[str, set[str]] = {"process": set(), "files": set(), "keys": set()}
        while not self._ended.wait(0.2):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    # This machine may run other things; ours know the folder of the test, or are its children.
                    if b"TIKTOK_EVENTS_CONFIG=" + str(self.folder).encode() in (process / "environ").read_bytes():
                        seen["process"].add(line)
                except OSError:
                    continue
            for name in ("tmp", "states"):
                for file in (self.folder / name).rglob("*"):
                    try:
                        # A state file is zeros for the most part, and another one at every look.
                        written = re.sub(rb"\0{2,}", b"\0", file.read_bytes())
                        seen["files"].add(f"{file.name} {written.decode('latin-1')}")
                    except OSError:
                        seen["files"].add(file.name)
            try:
                seen["keys"] |= {key.decode() for key in client.scan_iter(count=1000)}
            except redis_py.RedisError:
                continue
        client.close()
        self.add("machine: process list", *seen["process"])
        self.add("machine: temporary files and state", "looked at", *seen["files"])
        self.add("redis: names of keys", *seen["keys"])

    def _listen(self) -> None:
        """Keep what is put into the broker's queues."""
        client = redis_py.Redis.from_url(self.fleet.environment["REDIS_URL"], socket_timeout=60)
        with client.monitor() as monitor:
            while not self._ended.is_set():
                try:
                    said = monitor.next_command()["command"]
                except redis_py.TimeoutError:
                    continue
                except redis_py.RedisError:
                    break
                if said.split(" ")[0].upper() in ("LPUSH", "PUBLISH") or said.startswith("HSET unacked"):
                    self.add("celery: messages in the broker", said)
        client.close()


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[str]]]:
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(f"{self.path} {self.headers} {body.decode()}")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.timeout(900)
def test_nothing_that_comes_out_holds_a_canary(
    make_fleet: Callable[..., Any],
    own_server: Any,
    sandbox: Sandbox,
    receiver: Any,
    webhook: tuple[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hook, hooked = webhook
    # At rest nothing is clear only where there are keys; this process is a producer, too.
    sealing_key = f"k1:{base64.b64encode(os.urandom(32)).decode()}"
    monkeypatch.setenv("TIKTOK_EVENTS_ENCRYPTION_KEYS", sealing_key)
    fleet = make_fleet(
        'timeout = "1s"\ntake_back_after = "3s"\nmax_deliveries = 2\n'
        'retry = { min_backoff = "100ms", max_attempts = 2 }\nguard = { max_dead_share = 1 }\n'
        "breaker = { min_requests = 1000 }",
        more=f"""
[destinations.tiny]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "1"
base_url = "{sandbox.url}"
max_inbox = 2
[alerts]
webhook = "{hook}"
""",
    )
    (tmp_path / "saboteur").mkdir()
    for name in ("tmp", "states"):
        (tmp_path / name).mkdir()
    (tmp_path / "saboteur" / "sitecustomize.py").write_text((Path(__file__).parent / "saboteur.txt").read_text())
    fleet.environment |= {
        "TIKTOK_EVENTS_ENCRYPTION_KEYS": sealing_key,
        "SENTRY_DSN": receiver.dsn,
        "SENTRY_TRACES_SAMPLE_RATE": "1",
        "LOG_LEVEL": "DEBUG",
        "TMPDIR": str(tmp_path / "tmp"),
        "TIKTOK_EVENTS_STATE_DIR": str(tmp_path / "states"),
        "METRICS_PORT": str(_free_port()),
        "PYTHONPATH": os.pathsep.join((str(tmp_path / "saboteur"), str(ROOT))),
        "SABOTEUR_FOLDER": str(tmp_path),
    }
    with Journey(fleet, tmp_path) as journey, _web(fleet, tmp_path) as url:
        fleet.start()
        _wait_for(lambda: fleet.redis.hexists("tiktok-events:destinations", "tiny"), fleet)
        token = fleet.run("worker", "tokens", "create", "--name", "shop", *_scopes("enqueue", "read")).strip()
        told = {"Authorization": f"Bearer {token}"}
        fleet.run("worker", "pause", "tiny")
        _client(journey, fleet)
        _command_line(journey, fleet, tmp_path)
        _door(journey, url, told)
        _worker(journey, fleet, sandbox)
        _commands(journey, fleet, tmp_path)
        _pages(journey, fleet, url, told)
        metrics = requests.get(f"http://127.0.0.1:{fleet.environment['METRICS_PORT']}/metrics", timeout=60).text
        journey.add("worker: metrics", metrics, requests.get(f"{url}metrics", headers=told, timeout=60).text)
        journey.command("healthcheck")
        own_server.kill()
        _door_without_redis(journey, url, told)
        for line in ("status", "dead-letters list", "healthcheck"):
            journey.command(*line.split())
        own_server.start()
        for process in fleet.workers:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=90)

    journey.add("worker: log at DEBUG", fleet.log())
    journey.add("worker: spans of OpenTelemetry", (tmp_path / "spans").read_text())
    journey.add("web: log at DEBUG", (tmp_path / "web.log").read_text())
    journey.add("redis: its log", (tmp_path / "redis" / "redis.log").read_text())
    journey.add("redis: append-only file", _at_rest(tmp_path / "redis"))
    journey.add("sentry: envelopes", *(envelope.decode("latin-1") for envelope in receiver.envelopes))
    journey.add("alerts: webhook", *hooked)
    said = {place: "\n".join(texts) for place, texts in journey.told.items()}
    assert set(said) == set(MANIFEST)
    assert [place for place, text in said.items() if not text.strip()] == []
    for place, words in EXPECTED_WORDS.items():
        missing = [word for word in words.split() if word not in said[place]]
        assert missing == [], f"{place}: a path was not taken\n{said[place][-3000:]}"
    found = "\n".join(f"{place}: {canary}: ...{_around(said[place], canary)}..." for place, canary in leaks(said))
    assert not found, found


def _at_rest(folder: Path) -> str:
    """Return what Redis wrote to disk, without the one entry that the test itself added by hand in clear."""
    written = "".join(path.read_bytes().decode("latin-1") for path in sorted(folder.rglob("*aof*")) if path.is_file())
    without, entries = re.subn(r"not json .*?(?=\r\n\*\d)", "", written, count=1, flags=re.DOTALL)
    assert entries == 1
    return without


def _around(text: str, canary: str) -> str:
    at = text.lower().find(canary)
    return text[max(0, at - 150) : at + 100]


def _scopes(*names: str) -> list[str]:
    return [word for name in names for word in ("--scope", name)]


def _free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as held:
        return held.server_port


def _wait_for(so: Callable[[], Any], fleet: Any, *, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, fleet.log()[-3000:]
        time.sleep(0.05)


@contextmanager
def _web(fleet: Any, folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "worker", "web", "--door", "--port", "0"]
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=fleet.environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=60)
        with (folder / "web.log").open("a") as log_file:
            log_file.write(rest)


def _client(journey: Journey, fleet: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, fleet.environment["REDIS_URL"]],
        input=json.dumps(canary_event(1)),
        cwd=ROOT,
        env=fleet.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    journey.add("client: errors and log at DEBUG", done.stdout, done.stderr)


def _command_line(journey: Journey, fleet: Any, folder: Path) -> None:
    lines = [json.dumps(canary_event(100)), f"not json {MAIL}", json.dumps([MAIL]), f'{{"{MAIL}": NaN}}', f'"{MAIL}"']
    (folder / "events.jsonl").write_text("\n".join(lines))
    (folder / "rows.csv").write_text(f'event,{MAIL},email\nOrder Completed,{NOTE},{MAIL},{MAIL}\n"{MAIL}\n')
    rejects = folder / "rejects.jsonl"
    for words in (
        ("events.jsonl", "--rejects", str(rejects)),
        ("events.jsonl", "--json"),
        ("rows.csv", "--format", "csv", "--group-by", "order_id"),
        ("rows.csv", "--format", "csv"),
        ("rows.csv", "--format", "parquet"),
    ):
        path, *options = words
        said = fleet.run(
            "tiktok_events", "enqueue", str(folder / path), "--destination", "stores", *options, check=False
        )
        journey.add("client: command line, its output", said)
    assert MAIL in rejects.read_text(), "what was rejected is there to be mended"
    assert rejects.stat().st_mode & 0o077 == 0, "and for its owner alone"
    # What the rows made is not this test's: it would only be more of the same.
    fleet.wait(lambda now: now.waiting == 0)


def _door(journey: Journey, url: str, told: dict[str, str]) -> None:
    to = f"{url}v1/destinations/stores/events"
    event = canary_event(200)
    wrong = canary_event(201, properties={"value": MAIL, "currency": USER})
    json_ = {"Content-Type": "application/json", **told}

    def send(path: str, body: Any, **headers: str) -> None:
        sent = body if isinstance(body, (str, bytes)) else json.dumps(body)
        answer = requests.post(path, data=sent, headers={**json_, **headers}, timeout=60)
        journey.add("door: answers", f"{answer.status_code} {answer.headers} {answer.text}")

    send(to, event)
    send(f"{to}?validate=full", [wrong, event, {"type": "track", "event": MAIL}, MAIL, {MAIL: {MAIL: [1, {}]}}])
    send(f"{to}?validate={MAIL}", event)
    send(to, f'{{"{MAIL}": ')
    send(to, f"{MAIL}")
    send(to, f'{{"a": "{MAIL}"}}\n'.encode() + b"\xff")
    send(to, [event], **{"Content-Type": MAIL})
    send(to, [event], **{"Content-Encoding": MAIL})
    send(to, event, **{"Event-Id": MAIL})
    send(to, event, **{"Idempotency-Key": MAIL * 20})
    send(to, event, **{"Idempotency-Key": f"{USER}-12345678"})
    send(to, wrong, **{"Idempotency-Key": f"{USER}-12345678"})
    send(to, event, Authorization=f"Bearer {MAIL}")
    send(to, event, Authorization=MAIL)
    send(to, event, **{"X-Signature": MAIL, "Authorization": ""})
    send(f"{url}v1/destinations/{MAIL}/events", event)
    send(f"{url}v1/destinations/tiny/events", [event] * 5)
    send(f"{url}{MAIL}", event)
    send(to, json.dumps({**event, "long": MAIL * 20000}))
    for path in (MAIL, f"destinations/{MAIL}", f"dead-letters?event={MAIL}", f"v1/docs/{MAIL}"):
        requests.get(f"{url}{path}", headers=told, timeout=60)


def _door_without_redis(journey: Journey, url: str, told: dict[str, str]) -> None:
    for path in ("v1/destinations/stores/events", "v1/destinations/tiny/events"):
        answer = requests.post(f"{url}{path}", json=canary_event(300), headers=told, timeout=60)
        assert answer.status_code == 503
        journey.add("door: answers", answer.text)
    for path in ("dead-letters", "overview.json", "readyz"):
        journey.add("web: pages", requests.get(f"{url}{path}", headers=told, timeout=60).text)


def _worker(journey: Journey, fleet: Any, sandbox: Sandbox) -> None:
    # What TikTok has and could quote: the rest it gets as hashes.
    said = f"failed for {MAIL}, +1 (202) 555-0199, {ADDRESS}"
    sent = 400

    def round_(count: int, done: Callable[[Any], bool], **more: Any) -> None:
        nonlocal sent
        with Producer(fleet.environment["REDIS_URL"], wake=True) as producer:
            producer.enqueue_many(
                [canary_event(sent + number, **more) for number in range(count)], destination="stores"
            )
        sent += count
        fleet.wait(lambda now: done(now) and not now.in_flight)

    reasons: Callable[[str], int] = lambda reason: fleet.look().dead_by_reason.get(reason, 0)  # noqa: E731
    before = reasons("invalid")
    round_(1, lambda _: reasons("invalid") > before, properties={"value": MAIL, "currency": USER, "email": MAIL})
    round_(1, lambda _: reasons("unmapped") > 0, event=MAIL)
    fleet.redis.xadd("tiktok-events:{stores}:inbox", {"event": f"not json {MAIL}", "traceparent": MAIL, MAIL: MAIL})
    sandbox.fault("code", code=40002, message=f"Invalid value for email: {MAIL}.", match={"event_id": f"m-{sent}"})
    round_(3, lambda _: reasons("rejected") > 0)
    for code in (50000, 50000):
        sandbox.fault("code", code=code, message=said, times=1)
    round_(1, lambda _: reasons("exhausted") > 0)
    sandbox.fault("http", http_status=502, html=said, times=1)
    round_(1, lambda now: now.waiting + now.scheduled == 0)
    sandbox.fault("code", code=40100, message=said, times=1)
    round_(1, lambda now: now.waiting + now.scheduled == 0)
    sandbox.fault("code", code=20001, message=said, times=1)
    round_(2, lambda _: reasons("partial") > 0)
    round_(1, lambda _: reasons("crash_loop") > 0, sabotage="raise")
    before = reasons("crash_loop")
    round_(1, lambda _: reasons("crash_loop") > before, sabotage="crash")
    sandbox.fault("code", code=40105, message=f"Access token of {MAIL} is invalid")
    round_(2, lambda now: now.pause is not None)
    sandbox.clear_faults()
    journey.command("status")
    journey.command("resume", "stores")
    fleet.wait(lambda now: now.pause is None and now.waiting == 0)


def _commands(journey: Journey, fleet: Any, folder: Path) -> None:
    for line in ("status", "status --json", "doctor", "workers", "retries list", "retries list --json", "audit"):
        journey.command(*line.split())
    letters = json.loads(journey.command("dead-letters", "list", "--json", "--limit", "1000"))
    journey.command("dead-letters", "list")
    for letter in {each["reason"]: each for each in letters}.values():
        journey.command("dead-letters", "show", letter["ref"])
        journey.command("dead-letters", "show", letter["ref"], "--json")
    (ref,) = [each["ref"] for each in letters if each["reason"] == "invalid"][:1]
    wrong = json.dumps(canary_event(600, properties={"value": MAIL, MAIL: MAIL}))
    journey.command("dead-letters", "edit", ref, "--file", "-", given=wrong)
    journey.command("dead-letters", "edit", ref, "--file", "-", given=f"{{'{MAIL}'")
    journey.command("dead-letters", "edit", ref, "--file", "-", given=json.dumps(canary_event(601)))
    journey.command("dead-letters", "export")
    revealed = folder / "letters.jsonl"
    journey.command("dead-letters", "export", "--reveal", "-o", str(revealed))
    assert revealed.stat().st_mode & 0o077 == 0
    journey.command("dead-letters", "import", str(revealed))
    (folder / "broken.jsonl").write_text(f'{{"payload_base64": "{MAIL}"}}\n')
    journey.command("dead-letters", "import", str(folder / "broken.jsonl"))
    journey.command("dead-letters", "replay", ref)
    journey.command("dead-letters", "replay", "--reason", "rejected", "--yes")
    journey.command("dead-letters", "purge", "--older-than", "1", "--yes")
    journey.command("dead-letters", "discard", "--reason", "exhausted", "--yes")
    journey.command("audit", "--json")
    # What TikTok gets is what a preview is for: address, agent and page in clear, as its page says.
    shown = canary_event(700)
    shown["context"] = {"traits": shown["context"]["traits"]}
    shown["properties"] = {name: shown["properties"][name] for name in ("value", "currency", "note", KEY, "products")}
    del shown["context"]["traits"]["address"]
    lines = [shown, {**shown, "event": MAIL}, {**shown, "properties": {"value": MAIL, "currency": MAIL, MAIL: 1}}]
    given = "\n".join([*map(json.dumps, lines), f"not json {MAIL}"])
    journey.add(
        "commands: preview", fleet.run("worker", "preview", "-", "--destination", "stores", given=given, check=False)
    )


def _pages(journey: Journey, fleet: Any, url: str, told: dict[str, str]) -> None:
    refs = {each["reason"]: each["ref"] for each in fleet.json("dead-letters", "list")}
    paths = ["", "overview.json", "destinations/stores", "destinations/stores.json", "retries", "audit", "playground"]
    paths += [
        "dead-letters",
        "dead-letters/jobs",
        "dead-letters/replay",
        *(f"dead-letters/stores/{r}" for r in refs.values()),
    ]
    for path in paths:
        for accept in ("text/html", "application/json"):
            answer = requests.get(f"{url}{path}", headers={**told, "Accept": accept}, timeout=60)
            assert answer.status_code in (200, 302, 403), path
            journey.add("web: pages", f"{answer.headers} {answer.text}")
