"""What takes the events? The least HTTP server that TikTok's place can be taken by: it counts, and answers code 0.

It is a process of its own, `python -m benchmarks.sink`, and prints its port. Its work is kept small, for it shares
the cores with what is measured: it scans a body for event ids and parses nothing. `GET /` tells what came since the
last `PUT /`, whose body, JSON, says how long each answer takes from then on.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

_ANSWER = b'{"code":0,"message":"OK","request_id":"bench","data":{}}'
_ID = b'"event_id"'
_SENT_AT = re.compile(rb'"event_id": ?"at-(\d+)-')


@dataclass
class Record:
    """What came since the last reset."""

    delay_seconds: float = 0.0
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    """(Unix seconds, events) of each request."""
    waits_ms: list[float] = field(default_factory=list)
    """From the time in its id to its arrival, of each event whose id holds one (`at-<nanoseconds>-...`)."""

    def take(self, body: bytes) -> None:
        """Count the events of a request."""
        now = time.time_ns()
        self.arrivals.append((now / 1e9, body.count(_ID)))
        if body.find(b'"at-', 0, 4096) >= 0:
            self.waits_ms += [(now - int(sent)) / 1e6 for sent in _SENT_AT.findall(body)]

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"arrivals": self.arrivals, "waits_ms": self.waits_ms, "cpu_seconds": time.process_time()}


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests come one after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._pieces: list[bytes] = []
        self._missing = 0
        self._method = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read the head, then the body."""
        self._pieces.append(data)
        if self._missing == 0:
            whole = b"".join(self._pieces)
            head, end, rest = whole.partition(b"\r\n\r\n")
            if not end:
                self._pieces = [whole]
                return
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            self._method = head.partition(b" ")[0]
            self._pieces = [rest]
            self._missing = (int(length[1]) if length else 0) - len(rest)
        else:
            self._missing -= len(data)
        if self._missing == 0:
            body, self._pieces = b"".join(self._pieces), []
            self._server.handle(self._method, body, self._answer)

    def _answer(self, body: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )


class Server:
    """Keeps the record of all connections."""

    def __init__(self) -> None:
        self._record = Record()

    def handle(self, method: bytes, body: bytes, answer: Any) -> None:
        """Take a request and see that it is answered."""
        if method == b"GET":
            answer(json.dumps(self._record.told()).encode())
        elif method == b"PUT":
            self._record = Record(**json.loads(body))
            answer(b"{}")
        else:
            self._record.take(body)
            if self._record.delay_seconds:
                asyncio.get_running_loop().call_later(self._record.delay_seconds, answer, _ANSWER)
            else:
                answer(_ANSWER)


async def serve() -> None:
    """Serve on a free port of loopback until killed."""
    record = Server()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(record), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
