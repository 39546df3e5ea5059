"""What is told of a run?"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.chaos.account import Account


@dataclass(frozen=True, slots=True)
class Kills:
    """How often what was killed by SIGKILL."""

    workers: int = 0
    """With all their pool children."""
    children: int = 0
    """One pool child alone."""
    redis: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One run of one subject."""

    subject: str
    seed: int
    account: Account
    kills: Kills
    caught: int
    """How many of the kills of workers and children were aimed at a process that held events; -1: unknown."""
    requests: int
    failed_requests: int
    duplicates_after_lost_answer: int
    """TikTok had taken the event, and the answer was cut, late or reset on purpose: no client can know."""
    duplicates_after_kill: int
    duplicates_bound: int
    """What the kills may repeat: a batch for each slot that died, and what producers had to send again."""
    ended_by_themselves: int
    """Workers that ended without being killed."""
    seconds: float
    finished: bool
    """False: the time limit ended it."""
    versions: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost or misplaced, and nothing was repeated beyond the bound."""
        return (
            self.finished
            and self.account.is_clean
            and self.duplicates_after_kill <= self.duplicates_bound
            and self.ended_by_themselves == 0
        )

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"unaccounted": self.account.unaccounted, "good": self.is_good}

    def rows(self) -> list[tuple[str, str]]:
        """Return it for a person."""
        account, kills = self.account, self.kills
        every_kill = max(1, kills.workers + kills.children + kills.redis)
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(account.dead_by_reason.items()))
        return [
            ("events acknowledged", f"{account.enqueued:,}"),
            ("of these poison", f"{account.poison:,}"),
            ("delivered", f"{account.delivered:,}"),
            ("dead letters", reasons or "none"),
            ("lost", f"{account.lost:,}"),
            ("unaccounted for", f"{account.unaccounted:,}"),
            ("duplicates after a kill", f"{self.duplicates_after_kill:,} (bound {self.duplicates_bound:,})"),
            ("duplicates per kill", f"{self.duplicates_after_kill / every_kill:.1f}"),
            ("duplicates after a lost answer", f"{self.duplicates_after_lost_answer:,}"),
            ("killed", f"{kills.workers} workers, {kills.children} pool children, {kills.redis} times Redis"),
            ("kills aimed at a process that held events", "unknown" if self.caught < 0 else str(self.caught)),
            ("workers that ended by themselves", str(self.ended_by_themselves)),
            ("requests", f"{self.requests:,}, of which {self.failed_requests:,} failed or were refused"),
            ("seconds", f"{self.seconds:.0f}{'' if self.finished else ' (time limit)'}"),
            ("seed", str(self.seed)),
            ("versions", ", ".join(f"{name} {number}" for name, number in self.versions.items())),
        ]


def show(report: Report, console: Console) -> None:
    """Print a report."""
    table = Table(show_header=False, box=None, pad_edge=False, title=report.subject, title_justify="left")
    for name, value in report.rows():
        table.add_row(name, value)
    console.print(table)
    if report.account.examples:
        console.print(f"[bold red]for example: {', '.join(report.account.examples)}")


def versions(redis: str) -> dict[str, str]:
    """Return the versions that a figure depends on."""
    return {
        "Python": platform.python_version(),
        "Redis": redis,
        "celery": version("celery"),
        "kombu": version("kombu"),
        "redis-py": version("redis"),
        "Linux" if platform.system() == "Linux" else platform.system(): platform.release(),
    }
