"""Unreliable lines between the processes: TCP proxies that run in a thread of their own."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, Self

from tests.tcp_proxy import TcpProxy

# For an order to the thread, which is never busy for long.
ORDER_SECONDS: Final = 30.0


class Line:
    """One proxy, ruled from any thread. `port` is where clients connect instead."""

    def __init__(self, proxy: TcpProxy, loop: asyncio.AbstractEventLoop) -> None:
        self._proxy = proxy
        self._loop = loop

    @property
    def port(self) -> int:
        """The loopback port for clients."""
        return self._proxy.port

    @property
    def lost(self) -> int:
        """How many replies were lost so far."""
        return self._proxy.dropped

    def cut(self) -> int:
        """Break every connection that is open; how many were."""
        return self._do(self._proxy.cut)

    def lose_replies(self, replies: int = 1, to: bytes = b"") -> None:
        """Lose the next replies, each with its connection; only those to what contains `to`.

        What was asked for has been done.
        """
        self._do(lambda: self._proxy.drop_replies(replies, to))

    def hold(self) -> int:
        """Let nothing through, in silence; how many connections that holds up."""
        return self._do(self._proxy.hold)

    def refuse(self) -> None:
        """Break every connection, and accept no new one."""
        self._do(self._proxy.refuse)

    def heal(self) -> None:
        """Be reliable again."""
        self._do(self._proxy.heal)

    def _do(self, order: Callable[[], None]) -> int:
        """Have the thread obey; how many connections were open then."""

        async def obey() -> int:
            open_ones = self._proxy.connections
            order()
            return open_ones

        return asyncio.run_coroutine_threadsafe(obey(), self._loop).result(ORDER_SECONDS)


class Lines:
    """The thread, and every line in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lines", daemon=True)
        self._proxies: list[TcpProxy] = []

    def to(self, port: int) -> Line:
        """A new line to a server on this machine."""
        proxy = TcpProxy(port)
        asyncio.run_coroutine_threadsafe(proxy.__aenter__(), self._loop).result(ORDER_SECONDS)
        self._proxies.append(proxy)
        return Line(proxy, self._loop)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._proxies:
            ending = asyncio.run_coroutine_threadsafe(proxy.__aexit__(None, None, None), self._loop)
            ending.result(ORDER_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ORDER_SECONDS)
        self._loop.close()
