"""Redis with more than one server, on loopback: a master with replicas and Sentinels, and a cluster."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from redis.crc import key_slot

from worker import embedded

SLOTS = 16384
CALM_MS, QUICK_MS = 15_000, 500
"""How long a server may be silent before it is replaced. On a busy machine all stand still for longer than the second
one, so that it holds only while a test replaces one."""


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that are free, each with the one 10,000 above, where a cluster's servers talk.

    All lie below those that systems give to outgoing connections: one of these may come at any time, and take a port
    before the server does.
    """
    found: list[int] = []
    while len(found) < count:
        with socket.create_server(("127.0.0.1", 0)) as one:
            port = one.getsockname()[1] % 12_000 + 10_000
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            with socket.create_server(("127.0.0.1", port + 10000)):
                pass
            if port not in found:
                found.append(port)
    return found


def wait_until(done: Callable[[], Any], *, seconds: float = 120.0, every: float = 0.02) -> None:
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(redis_py.RedisError, OSError):
            if done():
                return
        assert time.monotonic() < end, "not in time"
        time.sleep(every)


class Node:
    """One server process."""

    def __init__(self, binary: Path, port: int, folder: Path, options: list[str]) -> None:
        self.binary, self.port, self.folder, self.options = binary, port, folder, options
        folder.mkdir()
        self.client = redis_py.Redis(port=port, socket_timeout=30, decode_responses=True)
        self.start()

    def start(self) -> None:
        line = [*embedded.command(self.binary, self.folder, port=self.port), "--unixsocket", "", *self.options]
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.client.close()
        self.kill()


class Watched:
    """A master with a replica, and three Sentinels that replace it half a second after a test kills it."""

    service = "main"

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.sentinels: list[subprocess.Popen[bytes]] = []
        self.asked: list[redis_py.Redis] = []

    def start(self, binary: Path, folder: Path) -> None:
        ports = free_ports(5)
        first, second, *sentinels = ports
        quick = ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
        self.nodes.append(Node(binary, first, folder / "a", quick))
        self.nodes.append(Node(binary, second, folder / "b", [*quick, "--replicaof", "127.0.0.1", str(first)]))
        wait_until(lambda: self.nodes[1].client.info("replication")["master_link_status"] == "up")
        for port in sentinels:
            own = folder / f"sentinel-{port}"
            own.mkdir()
            (own / "sentinel.conf").write_text(
                f"port {port}\nbind 127.0.0.1\ndir {own}\nlogfile {own}/log\n"
                f"sentinel monitor {self.service} 127.0.0.1 {first} 2\n"
                f"sentinel down-after-milliseconds {self.service} {CALM_MS}\n"
                f"sentinel failover-timeout {self.service} 3000\n"
            )
            line = [str(binary), str(own / "sentinel.conf"), "--sentinel"]
            self.sentinels.append(subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        self.hosts = ",".join(f"127.0.0.1:{port}" for port in sentinels)
        self.url = f"redis+sentinel://{self.hosts}/{self.service}"
        self.asked += [redis_py.Redis(port=port, decode_responses=True) for port in sentinels]
        for each in self.asked:
            wait_until(lambda each=each: self._knows_all(each))

    def _knows_all(self, sentinel: redis_py.Redis) -> bool:
        told: Any = sentinel.execute_command("SENTINEL", "MASTER", self.service)
        return int(told["num-other-sentinels"]) == 2 and int(told["num-slaves"]) == 1

    @property
    def master(self) -> Node:
        port = int(self.asked[0].execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)[1])
        return next(node for node in self.nodes if node.port == port)

    def kill_master(self) -> Node:
        """Kill the master; return it as soon as another one is named and takes writes."""
        before = self.master
        self._replace_after(QUICK_MS)
        before.kill()
        wait_until(lambda: self.master is not before and self.master.client.info("replication")["role"] == "master")
        self._replace_after(CALM_MS)
        return before

    def _replace_after(self, silent_ms: int) -> None:
        for each in self.asked:
            each.execute_command("SENTINEL", "SET", self.service, "down-after-milliseconds", silent_ms)

    def stop(self) -> None:
        for each in self.asked:
            each.close()
        for sentinel in self.sentinels:
            sentinel.kill()
            sentinel.wait()
        for node in self.nodes:
            node.stop()


class Clustered:
    """Three masters, each with a replica that takes over a second after a test wants it to."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def start(self, binary: Path, folder: Path) -> None:
        options = [
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            str(CALM_MS),
            "--cluster-replica-validity-factor",
            "0",
        ]
        options += ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
        for port in free_ports(6):
            self.nodes.append(Node(binary, port, folder / str(port), options))
        for node in self.nodes:
            wait_until(node.client.ping)
        masters, replicas = self.nodes[:3], self.nodes[3:]
        self.ids = {node.port: node.client.execute_command("CLUSTER", "MYID") for node in self.nodes}
        for number, master in enumerate(masters):
            slots = range(number * SLOTS // 3, (number + 1) * SLOTS // 3)
            master.client.execute_command("CLUSTER", "ADDSLOTS", *slots)
            master.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            node.client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        for node in self.nodes:
            wait_until(lambda node=node: self._has_met_all(node))
        for master, replica in zip(masters, replicas, strict=True):
            wait_until(
                lambda replica=replica, master=master: replica.client.execute_command(
                    "CLUSTER", "REPLICATE", self.ids[master.port]
                )
            )
        for node in self.nodes:
            wait_until(lambda node=node: self._is_up(node))
        for replica in replicas:
            wait_until(lambda replica=replica: replica.client.info("replication")["master_link_status"] == "up")
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in masters)

    @staticmethod
    def _has_met_all(node: Node) -> bool:
        told: str = node.client.execute_command("CLUSTER", "NODES")
        return told.count("connected") == len(told.splitlines()) == 6 and "handshake" not in told

    @staticmethod
    def _is_up(node: Node) -> bool:
        return "cluster_state:ok" in node.client.execute_command("CLUSTER", "INFO")

    def owner(self, key: str) -> Node:
        """Return the master that has a key's slot now."""
        slot = key_slot(key.encode())
        asked = next(node for node in self.nodes if node.process.poll() is None)
        told: Any = asked.client.execute_command("CLUSTER", "SLOTS")
        ports = [int(master[1]) for first, last, master, *_ in told if first <= slot <= last]
        return next(node for node in self.nodes if [node.port] == ports)

    def replace(self, master: Node) -> None:
        """Kill a master, and start it again as a replica when its own replica has taken over."""
        slots = len(self._masters())
        self.take_over_soon()
        master.kill()
        wait_until(lambda: master.port not in self._masters() and len(self._masters()) == slots)
        master.start()

    def take_over_soon(self) -> None:
        """From now on a replica takes over a second after its master fell silent."""
        for node in self.nodes:
            if node.process.poll() is None:
                node.client.config_set("cluster-node-timeout", 2 * QUICK_MS)

    def _masters(self) -> set[int]:
        asked = next(node for node in self.nodes if node.process.poll() is None)
        told: Any = asked.client.execute_command("CLUSTER", "SLOTS")
        return {int(master[1]) for _, _, master, *_ in told}

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


@pytest.fixture
def watched(server_binary: Path, tmp_path: Path) -> Iterator[Watched]:
    folder = tmp_path / "watched"
    folder.mkdir()
    made = Watched()
    try:  # a start that fails must not leave servers behind, which would talk to the next test's
        made.start(server_binary, folder)
        yield made
    finally:
        made.stop()


@pytest.fixture
def clustered(server_binary: Path, tmp_path: Path) -> Iterator[Clustered]:
    folder = tmp_path / "clustered"
    folder.mkdir()
    made = Clustered()
    try:  # a start that fails must not leave servers behind, which would talk to the next test's
        made.start(server_binary, folder)
        yield made
    finally:
        made.stop()
