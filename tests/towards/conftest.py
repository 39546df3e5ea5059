"""Certificates of a test's own authority, and servers that speak TLS with them."""

from __future__ import annotations

import datetime
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files. `certificate` is for 127.0.0.1, `elsewhere` for another name, `ended` for a day gone by."""

    authority: Path
    key: Path
    certificate: Path
    elsewhere: Path
    ended: Path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def signed(subject: str, names: list[x509.GeneralName], *, of: Any, ends: datetime.datetime, ca: bool) -> bytes:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name("test authority"))
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * day)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(root_key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    here: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    there: list[x509.GeneralName] = [x509.DNSName("elsewhere.example")]
    made = {
        "authority": signed("test authority", [x509.DNSName("authority")], of=root_key, ends=now + day, ca=True),
        "certificate": signed("here", here, of=key, ends=now + day, ca=False),
        "elsewhere": signed("there", there, of=key, ends=now + day, ca=False),
        "ended": signed("here", here, of=key, ends=now - day, ca=False),
        "key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    }
    for name, text in made.items():
        (folder / f"{name}.pem").write_bytes(text)
    return Certificates(**{name: folder / f"{name}.pem" for name in made})


@dataclass
class Heard:
    """A server, and the requests that it got: (path, headers, body)."""

    url: str
    requests: list[tuple[str, dict[str, str], bytes]]


@pytest.fixture
def listen(certificates: Certificates) -> Iterator[Callable[..., Heard]]:
    """Start a server that answers every POST with `status`, `headers` and `body`; over TLS with a named certificate."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(
        certificate: str | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        body: bytes = b'{"code": 0, "message": "OK", "request_id": "r", "data": {}}',
    ) -> Heard:
        heard = Heard("", [])

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                heard.requests.append((self.path, dict(self.headers), sent))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # A handshake that the other side breaks off is what some tests are about.
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(getattr(certificates, certificate), certificates.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        servers.append((server, thread))
        heard.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}/"
        return heard

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


class GuardedRedis:
    """A Redis on a port of loopback, that speaks TLS alone if it has a certificate; a socket is for the test."""

    def __init__(self, binary: Path, folder: Path, authority: Path | None = None, **tls: Path) -> None:
        self.port, self.authority = _free_port(), authority
        socket_file = folder / "admin.sock"
        options: dict[str, object] = {
            **({"port": 0, "tls-port": self.port, "tls-auth-clients": "no"} if authority else {"port": self.port}),
            **{f"tls-{name}-file": path for name, path in tls.items()},
            "bind": "127.0.0.1",
            "unixsocket": socket_file,
            "dir": folder,
            "save": "",
            "logfile": folder / "redis.log",
        }
        line = [str(binary), *(str(word) for name, value in options.items() for word in (f"--{name}", value))]
        self.process = subprocess.Popen(line)
        self.admin = redis_py.Redis.from_url(f"unix://{socket_file}")
        end = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < end:
            try:
                self.admin.ping()
                return
            except redis_py.RedisError:
                time.sleep(0.01)
        raise AssertionError((folder / "redis.log").read_text())

    def url(self, user: str = "", *, trusting: bool = True) -> str:
        """The URL for a user of the same password; `trusting` names the authority that vouches for the server."""
        sign_in = f"{user}:PASSWORD@" if user else ""
        scheme, query = ("rediss", f"?ssl_ca_certs={self.authority}") if self.authority else ("redis", "")
        return f"{scheme}://{sign_in}127.0.0.1:{self.port}/0{query if trusting else ''}"

    def stop(self) -> None:
        self.admin.close()
        self.process.kill()
        self.process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def _speaks_tls(binary: Path) -> bool:
    told = subprocess.run([binary, "--port", "0", "--tls-port", "1"], capture_output=True, text=True, timeout=60)
    return "tls-cert-file" in told.stdout + told.stderr


Start = Callable[..., GuardedRedis]


@pytest.fixture
def guarded_redis(server_binary: Path, tmp_path: Path, certificates: Certificates) -> Iterator[Start]:
    """Start a Redis that speaks TLS alone; one that cannot, in clear."""
    made: list[GuardedRedis] = []

    def start(certificate: str = "certificate") -> GuardedRedis:
        files = {"cert": getattr(certificates, certificate), "key": certificates.key, "ca-cert": certificates.authority}
        tls = {"authority": certificates.authority, **files} if _speaks_tls(server_binary) else {}
        made.append(GuardedRedis(server_binary, tmp_path, **tls))
        return made[-1]

    yield start
    for server in made:
        server.stop()


@pytest.fixture
def tls_redis(server_binary: Path, guarded_redis: Start) -> Start:
    if not _speaks_tls(server_binary):
        assert not os.environ.get("CI"), "CI speaks TLS; .ci/run installs a redis-server that does"
        pytest.skip("there is no redis-server with TLS here")
    return guarded_redis


@pytest.fixture
def start_worker(tmp_path: Path, sandbox: Any) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a worker process with a Redis URL; its log is `worker.log` in the test's folder."""
    (tmp_path / "destinations.toml").write_text(
        f"""
[credentials.main]
access_token = "${{TIKTOK_ACCESS_TOKEN}}"
[destinations.stores]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "7654321098765432109"
base_url = "{sandbox.url}"
default_region = "US"
retry = {{ min_backoff = "100ms", max_attempts = 3 }}
guard = {{ max_dead_share = 1 }}
"""
    )
    running: list[subprocess.Popen[bytes]] = []

    def environment(url: str) -> dict[str, str]:
        return {
            **os.environ,
            "REDIS_URL": url,
            "CELERY_BROKER_URL": "",
            "TIKTOK_EVENTS_CONFIG": str(tmp_path / "destinations.toml"),
            "TIKTOK_ACCESS_TOKEN": "token-of-the-test",
            "SENTRY_DSN": "",
        }

    def start(url: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "worker", "worker", "--concurrency", "2"]
        with (tmp_path / "worker.log").open("wb") as log:
            running.append(
                subprocess.Popen(
                    [*command, "--without-gossip", "--without-mingle"],
                    cwd=ROOT,
                    env=environment(url),
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        return running[-1]

    start.environment = environment  # type: ignore[attr-defined]
    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def wait() -> Callable[..., None]:
    """Wait until something is so."""

    def until(so: Callable[[], Any], *, seconds: float = 60, told: Callable[[], object] = str) -> None:
        end = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < end, told()
            time.sleep(0.05)

    return until
