"""Wait for a program that a test has started."""

import asyncio
from typing import Final

START_SECONDS: Final = 60.0


async def wait_for_port(port: int) -> None:
    """Return once something accepts connections at this port of this machine."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
