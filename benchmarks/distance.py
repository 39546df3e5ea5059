"""What does it cost when Redis is not next door? 2.5 ms between worker and Redis, as between two cities nearby.

`python -m benchmarks.distance SOCKET MILLISECONDS` is the network: it prints its port, and whatever passes comes half
of the time later, in either direction. It is a delay line: bytes under way do not hold up those behind them.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks.chaos.fleet import ROOT
from benchmarks.drain import drain
from benchmarks.figures import Figure, Row, Target, alternate
from benchmarks.ground import Ground
from benchmarks.plan import Plan
from benchmarks.subjects import ONE_TASK_PER_EVENT, Ours

_MILLISECONDS = 2.5


def measure(ground: Ground, plan: Plan, tell: Callable[[str], None]) -> Iterator[Row]:
    """Drain a full inbox over the distance, ours and the naive set-up in turn; yield the row."""
    subject = Ours(bulk=True)

    def ours() -> float:
        tell("distant Redis: ours")
        return drain(ground, subject, plan.slow).rate

    def naive() -> float:
        tell("distant Redis: one task per event")
        return drain(ground, ONE_TASK_PER_EVENT, plan.distant).rate

    with _network(ground.redis_socket) as port, ground.workers_reach_redis_at(f"redis://127.0.0.1:{port}"):
        own, other = alternate(plan.pairs, ours, naive)
    name = f"{_MILLISECONDS} ms between worker and Redis"
    yield Figure(name, "events/s", tuple(own), tuple(other), "one task per event", Target(least=200))


@contextmanager
def _network(socket: str) -> Iterator[int]:
    line = [sys.executable, "-m", "benchmarks.distance", socket, str(_MILLISECONDS)]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    # A worker that is killed resets its connections.
    with suppress(OSError):
        while piece := await reader.read(1 << 16):
            loop.call_later(delay_seconds, writer.write, piece)
    loop.call_later(delay_seconds, writer.close)


async def serve(socket: str, milliseconds: float) -> None:
    """Forward connections on a free port of loopback to `socket` until killed."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_unix_connection(socket)
        half = milliseconds / 2000
        await asyncio.gather(_forward(reader, there[1], half), _forward(there[0], writer, half))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], float(sys.argv[2])))
