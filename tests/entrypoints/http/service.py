"""A process of the service on in-memory adapters, for tests."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.entrypoints.http.world import EVERY_RESPONSE, Client

ROOT = Path(__file__).parents[3]
# A process starts in a second; a machine with two busy cores may take much longer.
TIMEOUT_SECONDS = 60.0


@frozen
class Service:
    """A process of the service that listens."""

    process: Process
    address: str

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def client(self) -> Client:
        return Client(base_url=self.address, timeout=TIMEOUT_SECONDS, event_hooks=EVERY_RESPONSE)

    async def wait_for(self, line: str) -> None:
        """Wait for the next line on stdout, which must be this one."""
        assert self.process.stdout is not None
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


async def start(**arguments: Any) -> Process:
    """Start a process of the service; the arguments are those of program.main."""
    command = (sys.executable, "-m", "tests.entrypoints.http.program", json.dumps(arguments))
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)


@asynccontextmanager
async def serving(**arguments: Any) -> AsyncIterator[Service]:
    process = await start(**arguments)
    try:
        assert process.stderr is not None
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (event := json.loads(await process.stderr.readline()))["event"] != "listening":
                pass
        yield Service(process, event["address"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
