"""The console of the stories on a port of this machine, for a browser."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from entrypoints.http.app import create_app
from entrypoints.http.server import bound_socket
from tests.entrypoints.console.stories import a_world, fill
from tests.entrypoints.http.world import OPERATOR_KEY

KEY = OPERATOR_KEY

# Starting takes a second; a busy machine takes much longer.
_SECONDS = 120.0


class Served:
    """A thread with the service in it."""

    def __init__(self, others: int) -> None:
        self._others = others
        self.world = a_world()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._server: uvicorn.Server | None = None
        self.address = ""

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        await fill(self.world, self._others)
        with bound_socket("127.0.0.1", 0) as listener:
            self.address = f"http://127.0.0.1:{listener.getsockname()[1]}/ops"
            app = create_app(self.world.dependencies())
            config = uvicorn.Config(app, lifespan="off", log_config=None)
            self._server = uvicorn.Server(config)
            self._loop.call_soon(self._ready.set)
            await self._server.serve([listener])

    def wait(self) -> None:
        assert self._ready.wait(_SECONDS)

    def end(self) -> None:
        assert self._server is not None
        self._server.should_exit = self._server.force_exit = True


@contextmanager
def served(others: int = 6) -> Iterator[Served]:
    """Serve the console of the stories and so many other orders, and end it."""
    service = Served(others)
    thread = threading.Thread(target=service.run)
    thread.start()
    service.wait()
    try:
        yield service
    finally:
        service.end()
        thread.join(_SECONDS)
