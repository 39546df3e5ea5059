"""Certificates of a test's own authority, and servers that speak TLS with them."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


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
