"""What the pages say is so: generated parts are current, links lead somewhere, examples work, lists are complete."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import redis as redis_py
import tomllib

from worker import alerts, environment, pauses, reasons
from worker.cli.main import main as commands
from worker.config.load import build
from worker.sandbox import Settings, load_script

ROOT = Path(__file__).parents[1]


def _generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generator()
PAGES = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in generate.pages()}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    return [text for found, text in FENCE.findall(PAGES[page]) if found == language]


def headings(page: str) -> set[str]:
    """The anchors of a page, as the usual renderers make them."""
    text = FENCE.sub("", PAGES[page])
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_generated_parts_are_what_the_code_says(page: str) -> None:
    assert generate.rendered(PAGES[page]) == PAGES[page], "run make docs"


def test_every_generated_part_stands_in_a_page() -> None:
    used = set(re.findall(r"<!-- generated: ([a-z0-9-]+) -->", "\n".join(PAGES.values())))
    assert used == set(generate.PARTS)


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", PAGES[page]))
    for target in targets:
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert file.exists(), target
        if anchor:
            assert anchor in headings(str(file.relative_to(ROOT))), target


def test_every_page_is_linked_from_another() -> None:
    linked = set()
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", text):
            linked.add(os.path.normpath(Path(page).parent / target))
    assert set(PAGES) - linked <= {"README.md"}


@pytest.mark.parametrize(
    ("heading"),
    [
        *reasons.REASONS,
        *(f"pause-{reason}" for reason in pauses.REASONS),
        *(f"alert-{kind}" for kind in alerts.KINDS),
    ],
)
def test_the_runbook_has_a_section_for_every_reason_pause_and_alert(heading: str) -> None:
    assert heading in headings("docs/runbook.md")


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {re.split(r"[<>=;\[ ]", each)[0] for each in wanted}
    explained = set(
        re.findall(r"`([\w-]+)`", "\n".join(re.findall(r"^\| (.*?) \|", PAGES["docs/dependencies.md"], re.M)))
    )
    assert names <= explained, "add a line to docs/dependencies.md"
    assert explained - names <= {"cli", "celery", "encryption", "fast", "parquet", "otel"}, "what is gone needs no line"


def test_the_list_of_environment_variables_is_what_the_code_reads() -> None:
    read = set()
    for package in ("schemas", "tasks", "tiktok_events", "worker"):
        for file in (ROOT / package).rglob("*.py"):
            read |= set(re.findall(r'environ(?:ment)?(?:\.get\(|\[)"([A-Z_]+)"', file.read_text(encoding="utf-8")))
    assert read == set(environment.VARIABLES)


def test_the_sandbox_page_names_every_setting() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGES["docs/sandbox.md"]))
    assert set(Settings().as_mapping()) <= named


def command_lines() -> Iterator[str]:
    for page in PAGES:
        for block in blocks(page, "console"):
            yield from re.findall(r"^\$ .*?python -m worker (.+?)(?: > .*)?$", block, re.MULTILINE)


@pytest.mark.parametrize("line", sorted(set(command_lines())))
def test_commands_in_the_pages_are_ones_that_exist(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("events.jsonl", "orders.csv", "letters.jsonl", "mended.json"):
        (tmp_path / name).write_text("")
    command: click.Command = commands
    words = shlex.split(line, comments=True)
    while isinstance(command, click.Group):
        name = words.pop(0)
        command = command.get_command(click.Context(command), name) or pytest.fail(f"there is no command {name}")
    with command.make_context("worker", words):
        pass


BASE = """
[credentials.main]
access_token = "${TOKEN}"
[destinations.stores]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "1"
"""


@pytest.mark.parametrize(
    "text", [text for page in ("configure", "sources", "coming-from") for text in blocks(f"docs/{page}.md", "toml")]
)
def test_configurations_in_the_pages_are_accepted(text: str) -> None:
    whole = text if "[credentials" in text else BASE + text
    assert build(tomllib.loads(whole), {"TOKEN": "x", "TIKTOK_ACCESS_TOKEN": "x"}, source="docs").destinations


@pytest.mark.parametrize("text", blocks("docs/sandbox.md", "toml"))
def test_sandbox_scripts_in_the_pages_are_accepted(text: str, tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    script.write_text(text)
    assert load_script(script).steps


SNIPPETS = [
    (page, number, text)
    for page in ("README.md", "docs/enqueue.md")
    for number, text in enumerate(blocks(page, "python"))
]


@pytest.mark.parametrize(("page", "number", "text"), SNIPPETS, ids=[f"{page}-{number}" for page, number, _ in SNIPPETS])
def test_python_in_the_pages_enqueues(page: str, number: int, text: str, redis: redis_py.Redis, redis_url: str) -> None:
    broker = redis_url.replace("unix://", "redis+socket://")
    preamble = f"from celery import Celery\ncelery_app = Celery(broker={broker!r})\n" if "celery_app" in text else ""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", preamble + text],
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": redis_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "capture(" in text:
        assert redis.dbsize() == 0
        return
    arrived = [redis.xlen(f"tiktok-events:{{{name}}}:inbox") for name in ("stores", "app")]
    assert sum(arrived) + redis.llen("tiktok-events") > 0
    if preamble:
        (message,) = redis.lrange("tiktok-events", 0, -1)
        assert b"ada@example.com" not in message, "the message holds the event encoded, and nowhere in clear"
