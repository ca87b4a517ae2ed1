"""Connection poolers for tests: PgBouncer where it is installed, and a small one that always is."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from payments_kit.servers.processes import User, free_port
from tests.ports import wait_for_port

# Its usual place in Debian is not on everybody's PATH.
PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@asynccontextmanager
async def pgbouncer(database_url: str, mode: str, servers: int = 3) -> AsyncIterator[str]:
    """Run PgBouncer in front of a database with so many server connections; yield its URL."""
    assert PGBOUNCER is not None, "the test is skipped without it"
    url, port = urlsplit(database_url), free_port()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        config = Path(folder) / "pgbouncer.ini"
        config.write_text(
            "[databases]\n"
            f"* = host={url.hostname} port={url.port} user={url.username} password={url.password}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = {servers}\n"
            # Another server connection for each transaction, as under load.
            "server_round_robin = 1\n"
        )
        user = User.unprivileged()
        os.chown(folder, user.uid, user.gid)
        process = subprocess.Popen(  # noqa: ASYNC220 - it only starts here
            [PGBOUNCER, str(config)],
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await wait_for_port(port)
            yield url._replace(netloc=f"payments@127.0.0.1:{port}").geturl()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


class SmallPooler:
    """A pooler in transaction mode: each transaction gets the next server connection.

    Clients sign in at the server themselves, and their server connections become everybody's. As in
    PgBouncer, a client is told a process number of the pooler's own.
    """

    def __init__(self, port: int) -> None:
        self._upstream = ("127.0.0.1", port)
        self._free: asyncio.Queue[Stream] = asyncio.Queue()
        self._opened: list[asyncio.StreamWriter] = []
        self._clients: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Yield the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for client in self._clients:
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)
            for writer in self._opened:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._sign_in(reader, writer)
            await self._forward(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._clients.discard(task)

    async def _sign_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        startup = await _read_startup(reader)
        if startup[4:8] == SSL_REQUEST:
            writer.write(b"N")
            startup = await _read_startup(reader)
        server = await asyncio.open_connection(*self._upstream)
        self._opened.append(server[1])
        server[1].write(startup)
        while True:
            kind, message = await _read_message(server[0])
            if kind == b"K":
                message = message[:5] + (2**31 - 1 - len(self._opened)).to_bytes(4) + message[9:]
            writer.write(message)
            if kind == b"Z":
                self._free.put_nowait(server)
                return
            if kind == b"R" and message[5:9] not in (AUTH_OK, AUTH_FINAL):
                server[1].write((await _read_message(reader))[1])

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests: asyncio.Queue[bytes] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forward_requests(requests, writer))
            while True:
                kind, message = await _read_message(reader)
                if kind == b"X":
                    raise EOFError("the client closes its own connection, and no server's")
                requests.put_nowait(message)

    async def _forward_requests(
        self, requests: "asyncio.Queue[bytes]", writer: asyncio.StreamWriter
    ) -> None:
        while True:
            request = await requests.get()
            server = await self._free.get()
            server[1].write(request)
            transaction = asyncio.create_task(_forward_replies(server[0], writer))
            try:
                while not transaction.done():
                    getting = asyncio.create_task(requests.get())
                    await asyncio.wait((getting, transaction), return_when=asyncio.FIRST_COMPLETED)
                    if getting.done():
                        server[1].write(getting.result())
                    getting.cancel()
            finally:
                transaction.cancel()
            self._free.put_nowait(server)


async def _forward_replies(server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward what a server sends, to the end of its transaction."""
    while True:
        kind, message = await _read_message(server)
        writer.write(message)
        if kind == b"Z" and message[5:6] == b"I":
            return


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

# https://www.postgresql.org/docs/current/protocol-message-formats.html
SSL_REQUEST = (80877103).to_bytes(4)
AUTH_OK = (0).to_bytes(4)
AUTH_FINAL = (12).to_bytes(4)


async def _read_startup(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length) - 4)


async def _read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the type of a message, and the whole message."""
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(int.from_bytes(head[1:]) - 4)


@asynccontextmanager
async def small_pooler(database_url: str) -> AsyncIterator[str]:
    """Run the small pooler in front of a database; yield its URL."""
    url = urlsplit(database_url)
    assert url.port is not None
    async with SmallPooler(url.port).listening() as port:
        yield database_url.replace(f":{url.port}/", f":{port}/")
