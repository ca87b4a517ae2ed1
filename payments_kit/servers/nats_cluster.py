"""LocalNatsCluster: a cluster of local NATS servers with JetStream."""

import contextlib
import json
import time
import urllib.error
import urllib.request
from typing import Any, Self

from payments_kit.servers.nats import LocalNats
from payments_kit.servers.processes import LocalServerError, free_port
from payments_kit.servers.runnable import Runnable

# An election takes seconds; a loaded machine takes longer.
ELECTION_SECONDS = 60.0
# Between two looks whether there is a leader.
RETRY_SECONDS = 0.1
# A monitoring endpoint on the loopback interface replies within milliseconds.
MONITORING_SECONDS = 2.0


class LocalNatsCluster(Runnable):
    """Some nats-servers that replicate their streams; any one of them may be stopped.

    Use it as a context manager, sync or async. Each server can be killed and started on its own,
    and keeps its address and data.
    """

    def __init__(self, size: int = 3, *, sync_interval: str = "always") -> None:
        ports = [free_port() for _ in range(size)]
        self.servers = [
            LocalNats(
                sync_interval=sync_interval,
                monitoring=True,
                server_name=f"nats-{number}",
                cluster={
                    "name": "local",
                    "listen": f"127.0.0.1:{port}",
                    "routes": [f"nats-route://127.0.0.1:{each}" for each in ports],
                },
            )
            for number, port in enumerate(ports, start=1)
        ]

    @property
    def url(self) -> str:
        """The addresses for clients, separated by commas."""
        return ",".join(server.url for server in self.servers)

    def named(self, name: str) -> LocalNats:
        """Return the server of this name, such as the leader that `stream_info` names."""
        return next(server for server in self.servers if server.server_name == name)

    def start(self) -> Self:
        """Start all servers, and return when they have elected a leader.

        Raises:
            LocalServerError: they have not in time.
        """
        try:
            for server in self.servers:
                server.start()
            self.wait_for_leader()
        except BaseException:
            self.close()
            raise
        return self

    def wait_for_leader(self) -> LocalNats:
        """Return the leader of the cluster as soon as there is one that runs.

        Raises:
            LocalServerError: there is none in time.
        """
        deadline = time.monotonic() + ELECTION_SECONDS
        while time.monotonic() < deadline:
            leaders = {_leader(server) for server in self.servers if server.process.is_running()}
            running = {each.server_name for each in self.servers if each.process.is_running()}
            if len(leaders) == 1 and (name := leaders.pop()) in running:
                return self.named(name)
            time.sleep(RETRY_SECONDS)
        raise LocalServerError(f"no leader was elected within {ELECTION_SECONDS:.0f} s")

    def close(self) -> None:
        """Stop all servers, and remove their folders; safe to repeat."""
        for server in self.servers:
            server.close()


def _leader(server: LocalNats) -> str:
    """Return whom a server takes for the leader; empty if it knows none."""
    with contextlib.suppress(OSError, urllib.error.URLError, ValueError):
        url = f"{server.monitoring_url}/jsz"
        with urllib.request.urlopen(url, timeout=MONITORING_SECONDS) as response:  # noqa: S310
            status: dict[str, Any] = json.load(response)
        return str(status.get("meta_cluster", {}).get("leader", ""))
    return ""
