"""How long may an answer take as a whole?

A socket's timeout begins anew with every byte, so a server that sends one byte now and then could hold a caller for
ever. Here the timeout is the time for the whole answer: status, headers and body.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any


class WholeAnswer(http.client.HTTPResponse):
    """An answer that ends with the socket's timeout, counted from when the request was sent.

    Reading it raises TimeoutError then. Set it as ``response_class`` of a connection.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds is not None:
            self.fp = io.BufferedReader(_Hurried(self.fp.detach(), sock, time.monotonic() + seconds))


class _Hurried(io.RawIOBase):
    """Gives every read of a socket what is left of the time."""

    def __init__(self, raw: Any, sock: socket.socket, end: float) -> None:
        self._raw = raw
        self._sock = sock
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
