"""The connection to the broker: established and re-established in the background."""

import asyncio
import logging
from contextlib import suppress
from typing import Final, Self

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from adapters.messaging.jetstream.api import Reply, parse_reply
from adapters.messaging.jetstream.client import SecureClient
from adapters.messaging.jetstream.denials import Denials
from adapters.messaging.jetstream.error_log import ErrorLog
from adapters.messaging.jetstream.explain import as_unavailable
from adapters.messaging.jetstream.namespace import Namespace
from adapters.messaging.jetstream.options import check_options
from adapters.messaging.jetstream.security import Security
from application.ports.event_publisher import BrokerUnavailable

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 2
"""The timeout of one attempt; a near server responds within milliseconds, a far one in a second."""

RETRY_SECONDS: Final = 1
"""The time between two attempts to connect to one server."""

WAIT_SECONDS: Final = 1.0
"""How long a caller waits for the connection: long enough for a server that restarts, short
enough to fail promptly."""

REQUEST_SECONDS: Final = 5.0
"""The timeout of one JetStream request: longer than most leader elections that we measured."""

PING_SECONDS: Final = 5
"""The time between two pings; a server that does not respond to two in a row is disconnected."""

CANCEL_SECONDS: Final = 0.1
"""If a cancellation has no effect within this time, it was lost; normally it takes effect at
once."""

DRAIN_SECONDS: Final = 5
"""The timeout for sending buffered messages before closing."""


class JetStreamConnection:
    """One connection, shared by all classes of this package.

    `open` never fails and never waits. While the broker cannot be reached, methods that need it
    raise `BrokerUnavailable`. Credentials appear in no log, error or `repr`.
    """

    def __init__(
        self,
        servers: str,
        name: str = "payments",
        security: Security | None = None,
        namespace: Namespace | None = None,
    ) -> None:
        """Create a connection that is not open yet.

        Raises:
            ValueError: `servers` is not a list of addresses.
            UnusableFile: a file of `security` cannot be used.
        """
        self._security = security or Security()
        self._servers = check_options(servers, self._security)
        self._name = name
        self.namespace = namespace or Namespace()
        """How our subjects, streams and consumers are named."""
        self.denials = Denials()
        self._client: SecureClient | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing_client = False
        self._errors = ErrorLog(self.denials)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._servers.urls)})"

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def open(self) -> None:
        """Start connecting, and reconnect until `close`."""
        if self._task is None:
            self._task = asyncio.create_task(self._stay_connected(), name="JetStream connection")

    async def close(self) -> None:
        """Send buffered messages, then disconnect."""
        task, self._task = self._task, None
        while task is not None and not task.done():
            # Python 3.11's wait_for, which the library connects with, may lose a cancellation
            # (https://github.com/python/cpython/issues/86296), so one is not enough.
            if not self._closing_client:
                task.cancel()
            await asyncio.wait([task], timeout=CANCEL_SECONDS)

    async def client(self) -> SecureClient:
        """Return the connected client.

        Raises:
            BrokerUnavailable: there is no connection within WAIT_SECONDS.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while self._client is None or not self._client.is_connected:
                    self._connected.clear()
                    await self._connected.wait()
        except TimeoutError:
            raise BrokerUnavailable(
                f"not connected to {', '.join(self._servers.urls)}: {self._errors.last}"
            ) from None
        return self._client

    async def jetstream(self) -> JetStreamContext:
        """Return the JetStream context of the connected client.

        Raises:
            BrokerUnavailable: as for `client`.
        """
        context: JetStreamContext = (await self.client()).jetstream(
            prefix=self.namespace.api, timeout=REQUEST_SECONDS
        )
        return context

    async def request(
        self, path: str, reply_type: type[Reply], body: object | None = None
    ) -> Reply:
        """Send a request to the JetStream API.

        Raises:
            ApiRefusal: the server refused it.
            BrokerUnavailable: there is no reply; a BrokerUnsuitable names a missing permission.
        """
        client, subject = await self.client(), f"{self.namespace.api}.{path}"
        data = b"" if body is None else msgspec.json.encode(body)
        with as_unavailable():
            try:
                reply = await self.denials.watch(
                    [subject], client.request(subject, data, timeout=REQUEST_SECONDS)
                )
            except nats.errors.NoRespondersError:
                raise BrokerUnavailable("JetStream is not enabled, or has no leader") from None
        return parse_reply(reply.data, reply_type)

    @property
    def is_connected(self) -> bool:
        """Whether it is connected; a broken connection is detected after two missed pings."""
        return self._client is not None and self._client.is_connected

    async def _stay_connected(self) -> None:
        """Replace the client whenever it is closed: the library gives up after some errors."""
        while True:
            client, closed = None, asyncio.Event()
            try:
                client = SecureClient(self._servers, self._security)
                await self._connect(client, closed)
                self._client = client
                self._errors.clear()
                self._connected.set()
                logger.info("connected to the broker")
                await closed.wait()
            except Exception as error:
                self._errors.add(error, client)
            finally:
                self._client = None
                self._closing_client = True
                if client is not None:
                    await _close(client)
                self._closing_client = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _connect(self, client: SecureClient, closed: asyncio.Event) -> None:
        async def on_error(error: Exception) -> None:
            self._errors.add(error, client)

        async def on_disconnect() -> None:
            if self._task is not None:
                logger.warning("disconnected from the broker")

        async def on_reconnect() -> None:
            self._errors.clear()
            self._connected.set()
            logger.info("connected to the broker again")

        async def on_close() -> None:
            closed.set()

        await client.connect(
            list(self._servers.urls),
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
            # While disconnected, sending fails at once instead of being buffered.
            pending_size=0,
            user=self._servers.user,
            password=self._servers.password,
            token=self._servers.token,
            tls_handshake_first=self._security.handshake_first,
            signature_cb=self._sign if self._security.has_key else None,
            user_jwt_cb=self._jwt if self._security.creds_file else None,
        )

    def _sign(self, nonce: str) -> bytes:
        return self._security.user_key().sign(nonce)

    def _jwt(self) -> bytearray:
        return bytearray(self._security.jwt())


async def _close(client: Client) -> None:
    """Close a client, after sending its buffered messages if it is connected."""
    try:
        async with asyncio.timeout(2 * DRAIN_SECONDS):
            if client.is_connected:
                await client.drain()
    except (nats.errors.Error, OSError, TimeoutError) as error:
        logger.info("the connection to the broker was closed without draining: %s", error)
    finally:
        with suppress(nats.errors.Error, OSError):
            await client.close()
