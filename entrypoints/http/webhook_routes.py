"""`/api/payments/webhooks/stripe`: notifications of the gateway."""

from attrs import frozen
from litestar import Response

from application.ports.gateway_notifications import NotificationReader
from entrypoints.http.handlers import NotificationHandler
from entrypoints.http.requests import MAX_NOTIFICATION_BYTES, AnyRequest, read_body
from entrypoints.http.responses import to_response


@frozen
class WebhookRoutes:
    """The routes for gateways."""

    handler: NotificationHandler
    reader: NotificationReader

    async def stripe(self, request: AnyRequest) -> Response[bytes]:
        """Apply a notification once. Stripe sends it again after any reply but 2xx.

        https://docs.stripe.com/webhooks#handle-duplicate-events
        """
        content = await read_body(request, MAX_NOTIFICATION_BYTES)
        notification = self.reader.read(content, request.headers.get("stripe-signature", ""))
        return to_response(await self.handler.receive(notification))
