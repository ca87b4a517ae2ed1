"""WireCounter: a proxy in front of PostgreSQL that counts round trips."""

import socket
import threading
from types import TracebackType
from typing import Final, Self

_CHUNK: Final = 65_536
_CONNECT_SECONDS: Final = 10.0

# Messages after which a client waits for the server: Sync, Query and Flush.
# https://www.postgresql.org/docs/current/protocol-message-formats.html
_WAITING: Final = frozenset(b"SQH")

_LENGTH: Final = 4
_HEAD: Final = 1 + _LENGTH


class _Messages:
    """Splits what one client sends into messages."""

    def __init__(self) -> None:
        self._bytes = b""
        self._is_started = False

    def round_trips(self, chunk: bytes) -> int:
        """Return how many of the messages that are complete now wait for a reply."""
        self._bytes += chunk
        found = 0
        while True:
            # The messages before the start-up have no type: requests for TLS, and the start-up.
            head = _HEAD if self._is_started else _LENGTH
            if len(self._bytes) < head:
                return found
            length = int.from_bytes(self._bytes[head - _LENGTH : head], "big")
            end = head - _LENGTH + length
            if len(self._bytes) < end:
                return found
            if self._is_started:
                found += self._bytes[0] in _WAITING
            else:
                self._is_started = self._bytes[4:8] == b"\x00\x03\x00\x00"  # version 3.0
            self._bytes = self._bytes[end:]


class WireCounter:
    """Forwards connections to a port of this machine while it is open."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.port = int(self._listener.getsockname()[1])
        self.round_trips = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._upstream), _CONNECT_SECONDS)
            except OSError:
                return  # it is closed
            server.settimeout(None)
            for source, target, is_client in ((client, server, True), (server, client, False)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                arguments = (source, target, is_client)
                threading.Thread(target=self._forward, args=arguments, daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        messages = _Messages()
        try:
            while chunk := source.recv(_CHUNK):
                if is_client:
                    found = messages.round_trips(chunk)
                    with self._lock:
                        self.round_trips += found
                target.sendall(chunk)
        except OSError:
            pass  # one side has closed its connection
        finally:
            target.close()
