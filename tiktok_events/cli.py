"""What does ``python -m tiktok_events`` do?"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, get_args

from tiktok_events.bulk import Loader, Tally
from tiktok_events.errors import EnqueueError, Unavailable
from tiktok_events.formats import FORMATS
from tiktok_events.orders import GroupBy, ValuePer, group_rows
from tiktok_events.producer import Producer
from tiktok_events.progress import Progress, new_progress
from tiktok_events.rejects import Rejects
from tiktok_events.rows import FormatError, Row

DONE, SOME_REJECTED, USAGE, STOPPED, INTERRUPTED = 0, 1, 2, 3, 130

#: Nobody waits for a page here, so a slow answer is better than none.
_TIMEOUT_SECONDS = 5.0

_SAFE = "it is safe to go on: an event that comes again has the same id, by which repeats are dropped"

_EPILOG = """\
exit status:
  0    every event of the file is stored
  1    some lines were rejected, every other event is stored
  2    the command line or the file is wrong, nothing was done
  3    stopped before the end; the last line says where to go on
  130  interrupted; the last line says where to go on

Redis is found by the environment variable REDIS_URL; without it, the server
that a worker on this machine brings along is used.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.value_per and not options.group_by:
        parser.error("--value-per needs --group-by")
    tally = Tally(last_line=options.from_line - 1)
    stopped: str | None = None
    status = DONE
    started = time.monotonic()
    try:
        with ExitStack() as stack:
            file = _opened(options.file, stack)
            rejects = stack.enter_context(Rejects(_rejects_path(options)))
            stack.enter_context(_terminated_as_interrupted())
            progress = stack.enter_context(new_progress(_size(file), quiet=options.quiet))
            _enqueue(options, file, tally, rejects, progress)
    except OSError as error:
        print(f"tiktok-events: {error.strerror}: {error.filename or options.file}", file=sys.stderr)
        return USAGE
    except FormatError as error:
        print(f"tiktok-events: {error}", file=sys.stderr)
        return USAGE
    except EnqueueError as error:
        status, stopped = STOPPED, str(error)
        if isinstance(error, Unavailable) and error.maybe_stored:
            stopped += f"; {_SAFE}"
    except KeyboardInterrupt:
        status, stopped = INTERRUPTED, f"interrupted; {_SAFE}"
    if status == DONE and tally.rejected:
        status = SOME_REJECTED
    _summarize(options, tally, stopped, time.monotonic() - started)
    return status


def _enqueue(options: argparse.Namespace, file: BinaryIO, tally: Tally, rejects: Rejects, progress: Progress) -> None:
    with Producer(timeout_seconds=_TIMEOUT_SECONDS) as producer:
        loader = Loader(
            producer,
            options.destination,
            tally,
            on_reject=lambda row, fault: rejects.add(row, fault, progress.note),
            on_progress=lambda waiting_for: progress.show(tally, waiting_for),
            wait=not options.no_wait,
        )
        loader.load(_rows(options, file))


def _rows(options: argparse.Namespace, file: BinaryIO) -> Iterator[Row]:
    read = FORMATS[options.format]
    by: GroupBy | None = options.group_by
    if by is None:
        return read(file, from_line=options.from_line)
    value_per: ValuePer = options.value_per or "order"
    orders = group_rows(read(file, column=by), by=by, value_per=value_per)
    # Read from the start: an order that a line is in the middle of is sent as a whole, and has its id by which
    # repeats are dropped.
    return (row for row in orders if row.last_line >= options.from_line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tiktok_events", description="Send conversion events to TikTok by way of a queue."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    enqueue = commands.add_parser(
        "enqueue",
        help="put the events of a file into a destination's inbox",
        description="Put the events of a file into a destination's inbox.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    enqueue.add_argument("file", metavar="FILE", help="a file in one of the formats, or - for standard input")
    enqueue.add_argument("--destination", required=True, metavar="D", help="a name in the workers' destinations.toml")
    enqueue.add_argument(
        "--format",
        choices=sorted(FORMATS),
        default="jsonl",
        help="jsonl: one JSON object a line; csv and parquet: rows with columns; default: %(default)s",
    )
    enqueue.add_argument(
        "--group-by",
        choices=get_args(GroupBy),
        help="make one event of the rows of an order, which stand together and share this column",
    )
    enqueue.add_argument(
        "--value-per",
        choices=get_args(ValuePer),
        help="with --group-by: whether a row's value is the whole order's (default), or the line's own to be added up",
    )
    enqueue.add_argument(
        "--from-line", type=_line_number, default=1, metavar="N", help="skip what begins before the N-th line"
    )
    enqueue.add_argument(
        "--rejects",
        type=Path,
        metavar="OUT",
        help="append each rejected line to this file as {line, fault, raw}; it holds what the line held,"
        " so it is made readable for its owner only",
    )
    enqueue.add_argument(
        "--no-wait",
        action="store_true",
        help="stop when the inbox is full or Redis is away, instead of waiting",
    )
    enqueue.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    enqueue.add_argument("--quiet", action="store_true", help="show no progress")
    return parser


def _line_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("lines are counted from 1")
    return int(text)


def _rejects_path(options: argparse.Namespace) -> Path | None:
    path: Path | None = options.rejects
    if path is not None and options.file != "-" and path.exists() and path.samefile(options.file):
        raise FileExistsError(0, "--rejects is the file that is read", str(path))
    return path


def _opened(name: str, stack: ExitStack) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    return stack.enter_context(Path(name).open("rb"))


def _size(file: BinaryIO) -> int | None:
    """Returns the bytes of a regular file, None for a pipe."""
    try:
        return os.fstat(file.fileno()).st_size or None
    except OSError:
        return None


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Makes SIGTERM end the command like Ctrl-C, with the line where to go on."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _summarize(options: argparse.Namespace, tally: Tally, stopped: str | None, seconds: float) -> None:
    if options.json:
        summary = {
            "destination": options.destination,
            "from_line": options.from_line,
            "last_line": tally.last_line,
            "enqueued": tally.enqueued,
            "rejected": tally.rejected,
            "seconds": round(seconds, 3),
            "stopped": stopped,
        }
        print(json.dumps(summary))
    else:
        rate = tally.enqueued / seconds if seconds else 0.0
        print(
            f"{tally.enqueued:,} events enqueued for {options.destination},"
            f" {tally.rejected:,} lines rejected, {seconds:.1f} s ({rate:,.0f} a second)"
        )
    if stopped is not None:
        print(
            f"tiktok-events: {stopped}\n"
            f"Stopped after line {tally.last_line}. To go on: --from-line {tally.last_line + 1}",
            file=sys.stderr,
        )
