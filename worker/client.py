"""How a request reaches TikTok, and how its answer is read."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import requests
from urllib3.exceptions import HTTPError

from worker.config import Secret
from worker.errors import Outcome, Verdict, judge
from worker.sessions import new_session

_CONNECT_SECONDS = 3.05
_LARGEST_ANSWER = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status and the decoded JSON, None where there was none. It may hold secrets."""

    status: int
    body: object = field(repr=False)


class TikTokClient:
    """Speaks to TikTok: verified TLS, no redirects, no proxies from the environment, always a timeout.

    Connections of its own for each thread: requests' sessions are not safe to share.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def post(self, url: str, body: dict[str, Any], *, token: Secret, timeout_seconds: float) -> Verdict:
        """Send one request and judge its answer. Raises nothing: a failure is a verdict, too."""
        headers = {"Access-Token": token.reveal()}
        answer = self.call("POST", url, headers=headers, body=body, timeout_seconds=timeout_seconds)
        return answer if isinstance(answer, Verdict) else judge(answer.status, answer.body)

    def call(
        self,
        method: str,
        url: str,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer | Verdict:
        """Send one request, its `body` as JSON or its `form` as a form; return what came back, or why nothing did.

        The whole answer has `timeout_seconds`, however it comes. Raises nothing. A verdict is UNAVAILABLE: nobody
        knows whether the request arrived.
        """
        told = dict(headers or {})
        if body is not None:
            told["Content-Type"] = "application/json"
        try:
            way = self._way()
            prepared = way.prepared(method, url, query)
            prepared.headers.update(told)
            prepared.prepare_body(orjson.dumps(body) if body is not None else form, files=None)
            timeout = (min(_CONNECT_SECONDS, timeout_seconds), timeout_seconds)
            # By the adapter: it follows no redirect, which would carry the token to wherever it points, and keeps no
            # cookie. A session around it takes as long again (0.42 instead of 0.21 ms of CPU a request).
            adapter = way.session.get_adapter(url)
            with adapter.send(prepared, stream=True, timeout=timeout, verify=way.session.verify or True) as response:
                answer = response.raw.read(_LARGEST_ANSWER, decode_content=True)
        except requests.exceptions.SSLError:
            return Verdict(Outcome.UNAVAILABLE, message="TLS failed: the certificate or the protocol does not fit")
        except (requests.RequestException, OSError, HTTPError) as error:
            # The text of the exception may hold the URL and more; its type says enough.
            return Verdict(Outcome.UNAVAILABLE, message=f"no answer: {_cause(error)}")
        return Answer(response.status_code, _decoded(answer))

    def _way(self) -> _Way:
        way: _Way | None = getattr(self._local, "way", None)
        if way is None:
            way = self._local.way = _Way(new_session())
        return way


@dataclass(frozen=True, slots=True)
class _Way:
    """How one thread makes its requests: a session, and what it has prepared of each address."""

    session: requests.Session
    known: dict[tuple[str, str], requests.PreparedRequest] = field(default_factory=dict)

    def prepared(self, method: str, url: str, query: Mapping[str, str] | None) -> requests.PreparedRequest:
        """Return a new request without a body."""
        if query:
            return self.session.prepare_request(requests.Request(method, url, params=query))
        address = (method, url)
        if address not in self.known:
            # As many as the configuration has addresses.
            self.known[address] = self.session.prepare_request(requests.Request(method, url))
        return self.known[address].copy()


def _decoded(answer: bytes) -> object:
    try:
        return orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None


def _cause(error: BaseException) -> str:
    """Return the type of the innermost cause: `ConnectionResetError` tells more than `ConnectionError`."""
    inner = error.__cause__ or error.__context__
    while inner is not None:
        error, inner = inner, inner.__cause__ or inner.__context__
    return type(error).__name__
