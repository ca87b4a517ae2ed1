"""A process of the service on in-memory adapters, for tests."""

import asyncio
import json
import multiprocessing
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.entrypoints.http.world import EVERY_RESPONSE, Client
from tests.forks import Fork

ROOT = Path(__file__).parents[3]
# A process starts in a second; a machine with two busy cores may take much longer.
TIMEOUT_SECONDS = 180.0


@frozen
class Process:
    """A process, and what it writes."""

    fork: Fork
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader

    def send_signal(self, number: int) -> None:
        self.fork.send_signal(number)

    def terminate(self) -> None:
        self.fork.terminate()

    async def wait(self) -> int:
        return await self.fork.wait()

    async def end(self) -> tuple[int, str]:
        """Wait for its end; return its exit code and what it has written to stderr."""
        return await self.wait(), (await self.stderr.read()).decode()


@frozen
class Service:
    """A process of the service that listens."""

    process: Process
    address: str

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def client(self) -> Client:
        return Client(
            base_url=self.address,
            timeout=TIMEOUT_SECONDS,
            event_hooks=EVERY_RESPONSE,
            verify=False,  # it is not https, and to read a hundred authorities takes 20 ms
        )

    async def wait_for(self, line: str) -> None:
        """Wait for the next line on stdout, which must be this one."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert (await self.process.stdout.readline()).decode().strip() == line

    async def wait_for_end(self, line: str) -> None:
        """Wait until the process has printed this line and ended without an error."""
        await self.wait_for(line)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert await self.process.wait() == 0

    async def send(self, request: bytes) -> bytes:
        """Send these bytes; return everything until the service closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def started(**arguments: Any) -> AsyncIterator[Process]:
    """Start a process of the service; the arguments are those of program.main."""
    async with AsyncExitStack() as stack:
        stdout, stderr = [await _pipe(stack) for _ in range(2)]
        fork = Fork.start("tests.entrypoints.http.program:main", arguments, (stdout[1], stderr[1]))
        for _, end in (stdout, stderr):
            end.close()
        try:
            yield Process(fork, stdout[0], stderr[0])
        finally:
            fork.kill()
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await fork.wait()


async def _pipe(stack: AsyncExitStack) -> tuple[asyncio.StreamReader, Connection]:
    ours, its = multiprocessing.Pipe(duplex=False)
    stack.callback(its.close)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), ours
    )
    stack.callback(transport.close)
    return reader, its


@asynccontextmanager
async def serving(**arguments: Any) -> AsyncIterator[Service]:
    async with started(**arguments) as process:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (event := json.loads(await process.stderr.readline()))["event"] != "listening":
                pass
        yield Service(process, event["address"])
