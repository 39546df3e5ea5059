"""How a request reaches TikTok, and how its answer is read."""

from __future__ import annotations

import threading
from typing import Any

import orjson
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from worker.config import Secret
from worker.errors import Outcome, Verdict, judge

_CONNECT_SECONDS = 3.05
_LARGEST_ANSWER = 1_000_000


class TikTokClient:
    """Posts JSON to TikTok: verified TLS, no redirects, no proxies from the environment, always a timeout.

    One session for each thread: requests' sessions are not safe to share.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def post(self, url: str, body: dict[str, Any], *, token: Secret, timeout_seconds: float) -> Verdict:
        """Send one request and judge its answer. Raises nothing: a failure is a verdict, too."""
        try:
            response = self._session().post(
                url,
                data=orjson.dumps(body),
                headers={"Access-Token": token.reveal(), "Content-Type": "application/json"},
                timeout=(min(_CONNECT_SECONDS, timeout_seconds), timeout_seconds),
                # A redirect would carry the token to wherever it points.
                allow_redirects=False,
                stream=True,
            )
            with response:
                answer = response.raw.read(_LARGEST_ANSWER, decode_content=True)
        except requests.exceptions.SSLError:
            return Verdict(Outcome.UNAVAILABLE, message="TLS failed: the certificate or the protocol does not fit")
        except (requests.RequestException, OSError, HTTPError) as error:
            # The text of the exception may hold the URL and more; its type says enough.
            return Verdict(Outcome.UNAVAILABLE, message=f"no answer: {_cause(error)}")
        return judge(response.status_code, _decoded(answer))

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            # One connection that is kept; requests' own retries would hide what happened.
            adapter = HTTPAdapter(pool_connections=4, pool_maxsize=1, max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            session.headers["User-Agent"] = "tiktok-events"
            self._local.session = session
        return session


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
