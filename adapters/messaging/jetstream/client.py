"""The library's client: with TLS that cannot be left out, certificates that can be renewed, and a
short way for many messages.
"""

import ssl
from collections.abc import Callable
from typing import Any

import nats.errors
from attrs import frozen
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from adapters.messaging.jetstream.security import Security
from adapters.messaging.jetstream.servers import Servers


@frozen
class Arrival:
    """A message as it arrives."""

    subject: str
    reply: str
    data: bytes
    header_block: bytes
    """The encoded headers; empty if there are none."""


Receive = Callable[[Arrival], None]


class SecureClient(Client):
    """A client that reads the files of its host for every connection.

    The library continues without TLS if the server does not require it, also for `tls://`.

    `receive_directly` and `write` are for hot paths: they leave out the queue and the task of a
    subscription, the parsing of headers, and the encoding of each message by the library.
    """

    def __init__(self, servers: Servers, security: Security) -> None:
        super().__init__()
        self._servers = servers
        self._security = security
        self._receivers: dict[int, Receive] = {}
        if security.has_key and security.creds_file is None:
            self._public_nkey = security.user_key().public

    @property
    def lacks_credentials(self) -> bool:
        """Whether the server wants to know who we are, and the settings do not say it.

        It ends the connection at once, so that its own words are often lost.
        """
        signs_in = self._servers.has_credentials or self._security.has_key
        wants = bool(self._server_info.get("auth_required"))
        return wants and not signs_in and self._security.cert_file is None

    @property
    def server_version(self) -> str:
        """The version of the server, as it says it; empty if it says none."""
        return str(self._server_info.get("version", ""))

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """The context of the next connection."""
        return self._security.ssl_context()

    async def _process_connect_init(self) -> None:
        """Connect; explain a server that disconnects us after the handshake of TLS.

        Its reason, an alert of TLS, is lost if we have sent something before it arrives.
        """
        try:
            await super()._process_connect_init()
        except ConnectionError as error:
            if not self._server_info.get("tls_required") or self._security.cert_file:
                raise
            raise nats.errors.Error(
                "the server ended the connection, perhaps because it requires a client certificate:"
                " set NATS_CERT_FILE, NATS_KEY_FILE"
            ) from error

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        """Close; the errors of closing would replace the one that says why we were disconnected."""
        report, self._error_cb = self._error_cb, _ignore
        try:
            await super()._close(status, do_cbs)
        finally:
            self._error_cb = report

    async def receive_directly(self, subject: str, receive: Receive) -> Subscription:
        """Subscribe; `receive` is called as soon as a message was read, and must not raise."""
        subscription = await self.subscribe(subject)
        self._receivers[subscription._id] = receive
        return subscription

    async def stop_receiving(self, subscription: Subscription) -> None:
        """End a direct subscription."""
        self._receivers.pop(subscription._id, None)
        await subscription.unsubscribe()

    async def write(self, commands: bytes) -> None:
        """Send encoded commands of the protocol, all at once.

        Raises:
            nats.errors.OutboundBufferLimitError: it is not connected; nothing is sent.
        """
        if not self.is_connected:
            raise nats.errors.OutboundBufferLimitError
        await self._send_command(commands)
        if self._flush_queue is not None and self._flush_queue.empty():
            await self._flush_pending()

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        receive = self._receivers.get(sid)
        if receive is None:
            await super()._process_msg(sid, subject, reply, data, headers)
        else:
            receive(Arrival(subject.decode(), reply.decode(), data, headers or b""))

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """Process what the server says about itself, before anything secret is sent."""
        if self._servers.is_websocket:
            # The announced addresses are not those of web sockets.
            info = {**info, "connect_urls": []}
        elif initial_connection and (self._servers.is_tls or self._security.requires_tls):
            if not (info.get("tls_required") or info.get("tls_available")):
                raise nats.errors.Error("the server has no TLS, which our settings require")
            self._server_info["tls_required"] = True
        await super()._process_info(info, initial_connection)


async def _ignore(_: Exception) -> None:
    """Do nothing."""
