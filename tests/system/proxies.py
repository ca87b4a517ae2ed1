"""Proxies between the processes, in a thread of their own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, Final, TypeVar

from attrs import frozen

from tests.tcp_proxy import TcpProxy

Result = TypeVar("Result")

# For a call into the thread, which takes milliseconds.
CALL_SECONDS: Final = 120.0


@frozen
class Proxy:
    """A TcpProxy whose methods may be called from any thread."""

    _proxy: TcpProxy
    _loop: asyncio.AbstractEventLoop

    @property
    def port(self) -> int:
        return self._proxy.port

    @property
    def dropped(self) -> int:
        return self._proxy.dropped

    def cut(self) -> int:
        """Close every open connection; return how many there were."""
        return self._call(self._proxy.cut)

    def drop_replies(self, replies: int = 1, to: bytes = b"") -> None:
        """Drop the next replies, and their connections; only replies to what contains `to`."""
        self._call(lambda: self._proxy.drop_replies(replies, to))

    def hold(self) -> int:
        """Forward nothing from now on; return how many connections are affected."""
        return self._call(self._proxy.hold)

    def refuse(self) -> None:
        self._call(self._proxy.refuse)

    def heal(self) -> None:
        self._call(self._proxy.heal)

    def _call(self, method: Callable[[], None]) -> int:
        """Call a method in the thread; return how many connections were open before it."""

        async def call() -> int:
            connections = self._proxy.connections
            method()
            return connections

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(CALL_SECONDS)


@contextmanager
def proxy_thread() -> Iterator[Callable[[int], Proxy]]:
    """Run a thread for proxies; the function opens one to a port of this machine."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxies", daemon=True)
    stack = AsyncExitStack()

    def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(CALL_SECONDS)

    thread.start()
    try:
        yield lambda port: Proxy(run(stack.enter_async_context(TcpProxy(port))), loop)
    finally:
        run(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CALL_SECONDS)
        loop.close()
