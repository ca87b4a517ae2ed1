"""`/api/payments/webhooks/{gateway}`: notifications of the gateways."""

import asyncio
from collections.abc import Mapping

from attrs import frozen
from litestar import Response
from litestar.params import FromPath

from application.ports.gateway_notifications import (
    READ_SECONDS,
    InvalidNotification,
    Notification,
    NotificationReader,
)
from application.ports.payment_gateway import GatewayUnavailable
from entrypoints.http.errors import NotFound
from entrypoints.http.handlers import NotificationHandler
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.notification_refusals import NotificationRefusals
from entrypoints.http.requests import MAX_NOTIFICATION_BYTES, read_body
from entrypoints.http.responses import to_response


@frozen
class WebhookRoutes:
    """The routes for gateways."""

    handler: NotificationHandler
    readers: Mapping[str, NotificationReader]
    """By name of the gateway; what no reader can verify is not accepted."""
    refusals: NotificationRefusals

    async def receive(self, request: HttpRequest, gateway: FromPath[str]) -> Response[bytes]:
        """Apply a notification once. A gateway sends it again after any reply but 2xx.

        https://docs.stripe.com/webhooks#handle-duplicate-events
        """
        reader = self.readers.get(gateway)
        if reader is None:
            if gateway == "stripe" and request.fields.get("stripe-signature", ""):
                await self.refusals.record_without_secret()
            raise NotFound
        content = await read_body(request, MAX_NOTIFICATION_BYTES)
        try:
            notification = await _read(reader, content, request.fields.first_values())
        except InvalidNotification as error:
            await self.refusals.record(error)
            raise
        return to_response(await self.handler.receive(gateway, notification, content))


async def _read(
    reader: NotificationReader, content: bytes, headers: Mapping[str, str]
) -> Notification:
    """Read a notification; the reader may be of others, so its time and result are checked."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            notification = await reader.read(content, headers)
    except TimeoutError:
        raise GatewayUnavailable("the notification could not be verified in time") from None
    if not isinstance(notification, Notification):
        raise TypeError(f"`read` returned {type(notification).__name__}")
    return notification
