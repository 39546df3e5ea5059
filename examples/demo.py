"""`make demo`: the whole story in a minute, on a Redis, a TikTok and workers of its own.

Exit 0 when every event is accounted for, 1 when one is not.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from examples.shop import broken, calls, order_completed
from tiktok_events import Producer
from worker import embedded
from worker.config import ConfigError
from worker.connection import connect
from worker.dead_letters import DeadLetter, Filter, Queries
from worker.keys import Keys
from worker.overview import Overview, look
from worker.sandbox import Sandbox

HERE = Path(__file__).parent
DESTINATION = "stores"
ORDERS = 400
PATIENCE_SECONDS = 60.0
POISON = "poison-000001"

# What goes wrong at TikTok while the demo runs.
FAULTS: list[dict[str, Any]] = [
    {"action": "throttle", "match": {"path": "event/track/", "nth": 1}, "times": 1},
    {"action": "http", "http_status": 503, "match": {"path": "event/track/", "nth": 1}, "times": 1},
    {
        "action": "code",
        "code": 40002,
        "message": "Invalid value for properties.contents: refused for the demo.",
        "match": {"event_id": POISON},
    },
]

console = Console()


@contextmanager
def worker(environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Run real Celery workers; their log is in `folder`."""
    with (folder / "worker.log").open("wb") as log_file:
        command = [sys.executable, "-m", "celery", "-A", "worker", "worker", "--concurrency", "2", "--loglevel", "INFO"]
        with subprocess.Popen(command, env=environment, stdout=log_file, stderr=log_file) as process:
            try:
                yield
            finally:
                process.terminate()


def configuration(folder: Path, url: str) -> Path:
    """Write the example's configuration, pointed at this demo's sandbox, with short waits."""
    text = (HERE / "destinations.toml").read_text(encoding="utf-8")
    text = text.replace("http://127.0.0.1:8900/open_api/v1.3/", url)
    path = folder / "destinations.toml"
    path.write_text(text + '\n[destinations.stores.retry]\nmin_backoff = "500ms"\n', encoding="utf-8")
    return path


def watch(redis: Any, expected: int) -> Overview:
    """Show live progress until every event is delivered or dead-lettered, or patience ends."""
    columns = (
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[now]}"),
    )
    end = time.monotonic() + PATIENCE_SECONDS
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("settled", total=expected, now="")
        while True:
            overview = look(redis, DESTINATION, now=time.time())
            settled = sum(overview.totals.get(name, 0) for name in ("delivered", "duplicate")) + overview.dead
            now = f"{overview.waiting + overview.in_flight} waiting, {overview.scheduled} to be retried"
            progress.update(task, completed=settled, now=now)
            if settled >= expected or time.monotonic() > end:
                return overview
            time.sleep(0.1)


def operate(environment: dict[str, str], *arguments: str, given: str | None = None) -> str:
    """Run one command of `python -m worker`, as a person would."""
    line = [sys.executable, "-m", "worker", *arguments]
    told = subprocess.run(line, env=environment, input=given, capture_output=True, text=True, check=False)
    if told.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {told.stderr.strip()}")
    return told.stdout.strip()


def show_dead_letters(letters: list[DeadLetter]) -> None:
    """Print why each dead letter died."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("ref", "reason", "code", "why"):
        table.add_column(column)
    for letter in letters:
        why = "; ".join(f"{fault.path}: {fault.rule}" for fault in letter.faults) or letter.message
        table.add_row(letter.ref, letter.reason, str(letter.code or ""), why)
    console.print(table)


def mend(environment: dict[str, str], letters: list[DeadLetter], now: float) -> str:
    """Mend the dead letter with the wrong price and replay it."""
    ref = next(letter.ref for letter in letters if len(letter.faults) == 1 and letter.faults[0].path.endswith("price"))
    event = broken(now=now)["a price that is no number"]
    event["properties"]["products"][0]["price"] = 27.0
    console.print(f"  {operate(environment, 'dead-letters', 'edit', ref, '--file', '-', given=json.dumps(event))}")
    console.print(f"  {operate(environment, 'dead-letters', 'replay', ref)}")
    return ref


def tell(enqueued: int, overview: Overview, sandbox: Sandbox) -> bool:
    """Print the summary; return whether every event is accounted for."""
    delivered, dead = overview.totals.get("delivered", 0), overview.dead
    arrived = {event_id for event_id, times in sandbox.deliveries.items() if times}
    reasons = ", ".join(f"{reason} {count}" for reason, count in overview.dead_by_reason.items())
    unaccounted = enqueued - delivered - dead
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in (
        ("enqueued", enqueued),
        ("delivered", delivered),
        ("dead-lettered", f"{dead} ({reasons})"),
        ("unaccounted for", unaccounted),
        ("requests made", overview.totals.get("requests", 0)),
        ("arrived at TikTok", f"{len(arrived)} events"),
        ("duplicates", sandbox.stats["duplicates"]),
    ):
        table.add_row(name, str(value))
    console.print(table)
    return unaccounted == 0 and len(arrived) == delivered


def run(folder: Path, stack: ExitStack) -> int:
    """Tell the story; return the exit code."""
    console.rule("[bold]A Redis, a TikTok and two worker processes")
    url = stack.enter_context(embedded.running(folder / "redis"))
    sandbox = stack.enter_context(Sandbox(script={"faults": FAULTS}))
    environment = {
        **os.environ,
        "REDIS_URL": url,
        "CELERY_BROKER_URL": "",
        "TIKTOK_EVENTS_CONFIG": str(configuration(folder, sandbox.url)),
        "TIKTOK_ACCESS_TOKEN": "token-of-the-demo",
        "SENTRY_DSN": "",
    }
    stack.enter_context(worker(environment, folder))
    redis = connect(url)

    console.rule("[bold]A shop's day, and what it got wrong")
    now = time.time()
    producer = stack.enter_context(Producer(url))
    poison = order_completed(random.Random(3), 0, now - 60) | {"messageId": POISON}
    wrong = broken(now=now)
    events = [*calls(ORDERS, now=now), poison, *wrong.values()]
    producer.enqueue_many(events, destination=DESTINATION)
    console.print(f"  {len(events)} events enqueued; TikTok throttles one request, then fails one with a 503")
    watch(redis, len(events))

    console.rule("[bold]What a person has to look at")
    letters = list(Queries(redis, Keys(DESTINATION)).scan(Filter(), oldest_first=True))
    show_dead_letters(letters)

    console.rule("[bold]One is mended and replayed")
    before = look(redis, DESTINATION, now=time.time()).dead
    mend(environment, letters, now)
    overview = watch(redis, len(events))
    good = tell(len(events), overview, sandbox)
    good = good and overview.dead == before - 1 == len(wrong)
    console.print("[bold green]every event is accounted for" if good else "[bold red]NOT every event is accounted for")
    return 0 if good else 1


def main() -> int:
    """Run the demo in a folder of its own that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="tiktok-events-") as name:
        try:
            with ExitStack() as stack:
                return run(Path(name), stack)
        except (embedded.NoServerError, ConfigError, RuntimeError) as error:
            console.print(f"[bold red]{error}")
            log = Path(name) / "worker.log"
            if log.exists():
                console.print(log.read_text(errors="replace")[-3000:])
            return 1


if __name__ == "__main__":
    sys.exit(main())
