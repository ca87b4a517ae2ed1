"""The connection to the broker: made in the background, and made again for as long as it is open."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Self
from urllib.parse import SplitResult, unquote, urlsplit

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from application.ports.event_publisher import BrokerUnavailable

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 2
"""For one try to connect; a server answers within milliseconds, one far away within a second."""

RETRY_SECONDS: Final = 1
"""Between two tries to connect to one server."""

PATIENCE_SECONDS: Final = 1.0
"""How long a caller waits for the connection to be there: long enough for a restarted server,
short enough to be told promptly."""

REQUEST_SECONDS: Final = 5.0
"""For one question to JetStream: longer than electing a new leader took in most of our trials."""

PING_SECONDS: Final = 5
"""A server that keeps silent to two pings in a row is gone, even if its socket is not."""

CANCEL_SECONDS: Final = 0.1
"""Until a cancellation counts as lost; it takes effect at once."""

DRAIN_SECONDS: Final = 5
"""For what is on its way when we close."""


class JetStreamConnection:
    """One connection, shared by everything of this package.

    Opening it never fails and never waits: while the broker is away, whoever needs it is told
    `BrokerUnavailable`. `servers` are one or more URLs, separated by commas. A user, password or
    token in the first one is used for all, also for those that the servers tell of; it appears in
    no log, error or `repr`.
    """

    def __init__(self, servers: str, name: str = "payments") -> None:
        urls = [_split(server.strip()) for server in servers.split(",") if server.strip()]
        if not urls:
            raise ValueError("no NATS server is named")
        self._servers = [
            url._replace(netloc=url.netloc.rpartition("@")[2]).geturl() for url in urls
        ]
        self._user, self._password, self._token = _credentials(urls[0])
        self._name = name
        self._client: Client | None = None
        self._connected = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._leaving = False
        self._told: list[str] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._servers)})"

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def open(self) -> None:
        """Begin to connect, and go on for ever."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="JetStream connection")

    async def close(self) -> None:
        """Send what is on its way, then disconnect."""
        keeper, self._keeper = self._keeper, None
        while keeper is not None and not keeper.done():
            # Python 3.11's wait_for, which the library connects with, may lose a cancellation
            # (https://github.com/python/cpython/issues/86296), so one is not enough.
            if not self._leaving:
                keeper.cancel()
            await asyncio.wait([keeper], timeout=CANCEL_SECONDS)

    async def client(self) -> Client:
        """The client, connected.

        Raises:
            BrokerUnavailable: it is not connected, and was not for PATIENCE_SECONDS.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._client is None or not self._client.is_connected:
                    self._connected.clear()
                    await self._connected.wait()
        except TimeoutError:
            raise BrokerUnavailable(
                f"not connected: {self._told[-1] if self._told else 'no answer'}"
            ) from None
        return self._client

    async def jetstream(self) -> JetStreamContext:
        """JetStream through the connected client.

        Raises:
            BrokerUnavailable: as with `client`.
        """
        context: JetStreamContext = (await self.client()).jetstream(timeout=REQUEST_SECONDS)
        return context

    @property
    def is_connected(self) -> bool:
        """Whether it is connected, as far as we know."""
        return self._client is not None and self._client.is_connected

    async def _keep(self) -> None:
        """Have a client at all times; the library gives up for good on some errors of a server."""
        while True:
            client, closed = Client(), asyncio.Event()
            try:
                await self._connect(client, closed)
                self._client = client
                self._told.clear()
                self._connected.set()
                logger.info("connected to the broker")
                await closed.wait()
            except Exception as error:
                self._tell(error)
            finally:
                self._client = None
                self._leaving = True
                await _leave(client)
                self._leaving = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _connect(self, client: Client, closed: asyncio.Event) -> None:
        async def on_error(error: Exception) -> None:
            self._tell(error)

        async def on_disconnect() -> None:
            if self._keeper is not None:
                logger.warning("disconnected from the broker")

        async def on_reconnect() -> None:
            self._told.clear()
            self._connected.set()
            logger.info("connected to the broker again")

        async def on_close() -> None:
            closed.set()

        await client.connect(
            self._servers,
            name=self._name,
            error_cb=on_error,
            disconnected_cb=on_disconnect,
            reconnected_cb=on_reconnect,
            closed_cb=on_close,
            connect_timeout=CONNECT_SECONDS,
            reconnect_time_wait=RETRY_SECONDS,
            max_reconnect_attempts=-1,
            ping_interval=PING_SECONDS,
            drain_timeout=DRAIN_SECONDS,
            # Nothing is kept for later while disconnected: whoever sends is told at once.
            pending_size=0,
            user=self._user,
            password=self._password,
            token=self._token,
        )

    def _tell(self, error: Exception) -> None:
        """Log an error; the same one only once until we are connected again."""
        said = f"{type(error).__name__}: {error}"
        if said not in self._told:
            logger.warning("broker: %s", said)
            self._told.append(said)


async def _leave(client: Client) -> None:
    """End a client, in good order if it is connected."""
    try:
        async with asyncio.timeout(2 * DRAIN_SECONDS):
            if client.is_connected:
                await client.drain()
    except (nats.errors.Error, OSError, TimeoutError) as error:
        logger.info("the broker was left without a farewell: %s", error)
    finally:
        with suppress(nats.errors.Error, OSError):
            await client.close()


def _split(server: str) -> SplitResult:
    return urlsplit(server if "://" in server else f"nats://{server}")


def _credentials(url: SplitResult) -> tuple[str | None, str | None, str | None]:
    """User, password and token of a URL.

    The library reads them too, but not percent-encoded ones, and sends none to servers that it was
    told of by others.
    """
    first = unquote(url.username) if url.username else None
    if url.password is None:
        return None, None, first
    return first, unquote(url.password), None


@contextmanager
def as_unavailable() -> Iterator[None]:
    """Turn whatever the client raises when the broker cannot do its part into `BrokerUnavailable`."""
    try:
        yield
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
