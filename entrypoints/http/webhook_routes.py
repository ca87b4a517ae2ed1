"""`/api/payments/webhooks/stripe`: notifications of the gateway."""

from attrs import frozen
from litestar import Response

from application.ports.gateway_notifications import InvalidNotification, NotificationReader
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
    reader: NotificationReader | None
    """None if there is no secret: then there is nothing to verify with."""
    refusals: NotificationRefusals

    async def stripe(self, request: HttpRequest) -> Response[bytes]:
        """Apply a notification once. Stripe sends it again after any reply but 2xx.

        https://docs.stripe.com/webhooks#handle-duplicate-events
        """
        signature = request.fields.get("stripe-signature", "")
        if self.reader is None:
            if signature:
                await self.refusals.record_without_secret()
            raise NotFound
        content = await read_body(request, MAX_NOTIFICATION_BYTES)
        try:
            notification = self.reader.read(content, signature)
        except InvalidNotification as error:
            await self.refusals.record(error)
            raise
        return to_response(await self.handler.receive("stripe", notification, content))
