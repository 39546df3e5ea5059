"""What do the sandbox's tests share? A running sandbox, a client for it, a clock turned by hand."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from worker.sandbox import Sandbox

TOKEN = "token-1"
EMAIL = hashlib.sha256(b"alice_abc@example.test").hexdigest()


class Client:
    """Speaks to one sandbox as a well-behaved sender does."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False

    def request(self, method: str, path: str, token: str | None = TOKEN, **kwargs: Any) -> requests.Response:
        headers = {**({} if token is None else {"Access-Token": token}), **kwargs.pop("headers", {})}
        url = self.sandbox.origin + path if path.startswith("/") else self.sandbox.url + path
        kwargs = {"timeout": 30, "allow_redirects": False, **kwargs}
        return self.session.request(method, url, headers=headers, **kwargs)

    def post(self, path: str, body: Any, **kwargs: Any) -> requests.Response:
        return self.request("POST", path, json=body, **kwargs)

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self.request("GET", path, **kwargs)

    def track(self, *events: Any, source: str = "offline", source_id: str = "set-1", **root: Any) -> dict[str, Any]:
        body = {"event_source": source, "event_source_id": source_id, "data": list(events), **root}
        answer: dict[str, Any] = self.post("event/track/", body).json()
        return answer


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Starts a sandbox with the given arguments and returns its client."""
    with ExitStack() as stack:

        def started(**kwargs: Any) -> Client:
            client = Client(stack.enter_context(Sandbox(**kwargs)))
            stack.callback(client.session.close)
            return client

        yield started


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    """The client of a sandbox with no script."""
    return start()


@pytest.fixture
def event() -> Callable[..., dict[str, Any]]:
    """Makes a valid offline event; keyword arguments replace its members, ``None`` removes one."""

    def made(event_id: str | None = "e-1", **changes: Any) -> dict[str, Any]:
        whole = {
            "event": "Purchase",
            "event_time": 1_684_574_395,
            "event_id": event_id,
            "user": {"email": [EMAIL]},
            "properties": {
                "currency": "USD",
                "value": 46.0,
                "content_type": "product",
                "order_id": "o-1",
                "contents": [{"price": 8, "quantity": 2, "content_id": "c-1", "content_name": "Cup"}],
            },
            **changes,
        }
        return {name: value for name, value in whole.items() if value is not None}

    return made
