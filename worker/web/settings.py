"""How is the web process set up?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class TrustedProxy:
    """A proxy that is believed: its address, the header that names the user, and what such users may do.

    `user_header` None: it is believed for the client's address and scheme only.
    """

    networks: tuple[_Network, ...]
    user_header: str | None = None
    scopes: frozenset[str] = frozenset({"read"})

    @classmethod
    def of(cls, networks: Sequence[str], *, user_header: str | None, scopes: Sequence[str]) -> TrustedProxy | None:
        """Return it, or None without a network. Raises ValueError for what is no network."""
        if not networks:
            return None
        found = tuple(ip_network(each, strict=False) for each in networks)
        return cls(found, user_header=user_header, scopes=frozenset(scopes))

    def sent(self, address: str) -> bool:
        """Say whether a request from `address` came from it."""
        found = as_address(address)
        return found is not None and any(found in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where it listens and whom it believes. Times in seconds."""

    host: str = "127.0.0.1"
    proxy: TrustedProxy | None = None
    allowed_hosts: frozenset[str] = field(default_factory=frozenset)
    session_idle_seconds: int = 3600
    session_seconds: int = 12 * 3600

    @property
    def on_loopback(self) -> bool:
        """Say whether nobody but this machine can reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether a host, as a name or an address, is this machine for itself."""
    found = as_address(host)
    return host.lower().rstrip(".") == "localhost" if found is None else found.is_loopback


def as_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that `text` is, or None; an IPv4 address within IPv6 counts as IPv4."""
    try:
        found = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
