"""WireCounter: a proxy in front of PostgreSQL that counts round trips and sees the statements."""

import socket
import threading
from collections.abc import Iterator
from typing import Final, Self

_CHUNK: Final = 65_536
_CONNECT_SECONDS: Final = 10.0

# Messages after which a client waits for the server: Sync, Query and Flush.
# https://www.postgresql.org/docs/current/protocol-message-formats.html
_WAITING: Final = frozenset(b"SQH")

# The name of a prepared statement, its text, and the types of its parameters.
_PARSE: Final = b"P"

_LENGTH: Final = 4
_HEAD: Final = 1 + _LENGTH


class _Messages:
    """Splits what one client sends into messages."""

    def __init__(self) -> None:
        self._bytes = b""
        self._is_started = False

    def complete(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the messages that are complete now, each with its type."""
        self._bytes += chunk
        while True:
            # The messages before the start-up have no type: requests for TLS, and the start-up.
            head = _HEAD if self._is_started else _LENGTH
            if len(self._bytes) < head:
                return
            length = int.from_bytes(self._bytes[head - _LENGTH : head], "big")
            end = head - _LENGTH + length
            if len(self._bytes) < end:
                return
            if self._is_started:
                yield self._bytes[:end]
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
        self.statements: set[str] = set()
        """Every statement that a client has prepared."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
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

    def _note(self, message: bytes) -> None:
        with self._lock:
            self.round_trips += message[0] in _WAITING
            if message[:1] == _PARSE:
                _, statement, _ = message[_HEAD:].split(b"\0", 2)
                self.statements.add(statement.decode())

    def through(self, url: str) -> str:
        """Return the address of a database of the server, through this proxy."""
        return url.replace(f":{self._upstream}/", f":{self.port}/")

    def _forward(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        messages = _Messages()
        try:
            while chunk := source.recv(_CHUNK):
                for message in messages.complete(chunk) if is_client else ():
                    self._note(message)
                target.sendall(chunk)
        except OSError:
            pass  # one side has closed its connection
        finally:
            target.close()
