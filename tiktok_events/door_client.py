"""How does a request reach the HTTP door, and when is it sent again?

Every request here carries an idempotency key, so that one whose answer was lost may be sent again. Redirects are not
followed, and no proxy of the environment is used: they would see the token.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import random
import ssl
import threading
import time
from urllib.parse import urlsplit

from tiktok_events.deadline import WholeAnswer
from tiktok_events.errors import Unavailable

_AGAIN = (409, 502, 503, 504)
_FIRST_WAIT_SECONDS = 0.1
#: The longest answer there is names ten thousand ids; what is longer comes from no door.
_LARGEST_ANSWER = 8 * 1024 * 1024


class DoorClient:
    """Connections to one door, one for each thread and process.

    Args:
        url: http or https; its path goes in front of the door's own.
        token: goes into a header and nowhere else.
        timeout_seconds: how long a call of ``post`` may take.

    Raises:
        Unavailable: URL or token are none.
    """

    def __init__(self, url: str, token: str, *, timeout_seconds: float) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            raise Unavailable("the door's URL is none") from None
        if parts.scheme not in ("http", "https") or not self._host or parts.query or parts.username:
            raise Unavailable("the door's URL must be http(s)://host[:port][/path], without a user or a query")
        if parts.scheme == "http" and not _is_this_machine(self._host):
            raise Unavailable("the door's URL must be https outside this machine: the token travels in a header")
        if not token or not token.isascii() or not token.isprintable():
            raise Unavailable("the access token is empty, or cannot stand in a header")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._path = parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token.strip()}", "User-Agent": "tiktok-events"}
        self._timeout_seconds = timeout_seconds
        self._mine = threading.local()

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Returns status and body of the answer; sends again what got none, or may do later, while there is time.

        Raises:
            Unavailable: there was no answer; ``maybe_stored`` if the request may have arrived.
        """
        end = time.monotonic() + self._timeout_seconds
        wait, sent, kind = _FIRST_WAIT_SECONDS, False, "no time"
        while (left := end - time.monotonic()) > 0:
            fresh = getattr(self._mine, "pid", None) != os.getpid()
            try:
                connection = self._connection(left)
                sent = True
                status, answer, after = self._exchange(connection, path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                kind, after = type(error).__name__, None
                self.close()
                if not fresh:
                    # An idle connection that the door has closed meanwhile: a new one may do, at once.
                    continue
            else:
                if status not in _AGAIN:
                    return status, answer
                kind = str(status)
                if time.monotonic() + (after or wait) > end:
                    return status, answer
            # The upper half of the wait, so that many clients do not come back at once.
            pause = after or wait * random.uniform(0.5, 1.0)
            if time.monotonic() + pause > end:
                break
            time.sleep(pause)
            wait *= 2
        raise Unavailable(f"the door does not answer ({kind})", maybe_stored=sent)

    def close(self) -> None:
        """Closes this thread's connection."""
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is not None and self._mine.pid == os.getpid():
            connection.close()
        self._mine.connection = self._mine.pid = None

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        """Returns this thread's connection, a new one after a fork: parent and child must not share one."""
        if getattr(self._mine, "pid", None) != os.getpid():
            made: http.client.HTTPConnection
            if self._tls is not None:
                made = http.client.HTTPSConnection(self._host, self._port, context=self._tls)
            else:
                made = http.client.HTTPConnection(self._host, self._port)
            made.response_class = WholeAnswer
            self._mine.connection, self._mine.pid = made, os.getpid()
        connection: http.client.HTTPConnection = self._mine.connection
        connection.timeout = seconds
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(seconds)
        return connection

    def _exchange(
        self, connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, float | None]:
        connection.request("POST", self._path + path, body, {**self._headers, **headers})
        answer = connection.getresponse()
        after = answer.getheader("Retry-After", "")
        told = answer.read(_LARGEST_ANSWER)
        if not answer.isclosed():
            # There is more; the connection is of no use with it.
            self.close()
        return answer.status, told, float(after) if after.isdecimal() else None


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
