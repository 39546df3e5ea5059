"""Commands as a person runs them: on a terminal of a known size, or into a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

ROOT = Path(__file__).parents[2]
CONFIGURATION = """
[credentials.main]
access_token = "${TIKTOK_ACCESS_TOKEN}"
"""
DESTINATION = """
[destinations.{name}]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "1"
"""


class Terminal:
    """One command on a terminal of its own; the screen is what a person sees."""

    def __init__(self, arguments: list[str], environment: dict[str, str], columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def read(self, seconds: float) -> bool:
        """Take in what comes within some seconds; return whether the command has not closed its terminal."""
        if not select.select([self._master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, text: str, *, seconds: float = 90) -> str:
        end = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < end, self.text
            self.read(0.1)
        return self.text

    def finish(self, *, seconds: float = 90) -> str:
        """Read until the command ends; return the screen."""
        end = time.monotonic() + seconds
        while self.read(0.1):
            assert time.monotonic() < end, self.text
        self.process.wait(60)
        return self.text

    def type(self, text: str) -> None:
        """Write a line, as a person types it."""
        os.write(self._master, text.encode() + b"\n")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._master, b"\x03")

    def style(self, word: str) -> tuple[str, bool]:
        """Return colour and boldness of the first place where `word` stands."""
        for row, line in enumerate(self.screen.display):
            if word in line:
                cell = self.screen.buffer[row][line.index(word)]
                return cell.fg, cell.bold
        raise AssertionError(f"{word} is not on the screen:\n{self.text}")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._master)


class Shell:
    """Runs commands on the test's Redis."""

    def __init__(self, url: str, folder: Path) -> None:
        self._path = folder / "destinations.toml"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")},
            "REDIS_URL": url,
            "CELERY_BROKER_URL": "",
            "TIKTOK_EVENTS_CONFIG": str(self._path),
            "TIKTOK_ACCESS_TOKEN": "token-of-the-test",
            "SENTRY_DSN": "",
            "TERM": "xterm-256color",
        }
        self._open: list[Terminal] = []
        self.configure("stores", "app")

    def configure(self, *names: str) -> None:
        self._path.write_text(CONFIGURATION + "".join(DESTINATION.format(name=name) for name in names))

    def terminal(self, *arguments: str, columns: int = 120, rows: int = 40, **environment: str) -> Terminal:
        opened = Terminal(list(arguments), {**self.environment, **environment}, columns, rows)
        self._open.append(opened)
        return opened

    def run(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "worker", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout + ("" if check else done.stderr)

    def close(self) -> None:
        for terminal in self._open:
            terminal.close()


@pytest.fixture
def shell(redis_url: str, redis: object, tmp_path: Path) -> Iterator[Shell]:
    made = Shell(redis_url, tmp_path)
    yield made
    made.close()
