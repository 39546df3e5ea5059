"""How does the sandbox run as a process of its own?"""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

from worker.sandbox.sandbox import Sandbox
from worker.sandbox.script import load_script


def serve(
    host: str,
    port: int,
    script_path: Path | str | None = None,
    *,
    record_limit: int | None = 100_000,
    announce: Callable[[str], None] = print,
) -> None:
    """Runs a sandbox until SIGTERM or SIGINT; call it in the main thread.

    ``announce`` gets the base URL as soon as requests are taken. Raises ValueError for a script that cannot
    be understood, OSError for one that cannot be read or a port that is taken.
    """
    script = None if script_path is None else load_script(Path(script_path))
    stop = threading.Event()
    wanted = (signal.SIGTERM, signal.SIGINT)
    previous = [signal.signal(number, lambda _number, _frame: stop.set()) for number in wanted]
    try:
        with Sandbox(host=host, port=port, script=script, record_limit=record_limit) as sandbox:
            announce(sandbox.url)
            stop.wait()
    finally:
        for number, handler in zip(wanted, previous, strict=True):
            signal.signal(number, handler)
