"""`/api/payments/webhooks/stripe`: what the gateway tells by itself."""

from attrs import frozen
from litestar import Response

from application.ports.gateway_notifications import NotificationReader
from application.use_cases.receive_notification import ReceiveNotification
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.replies import reply
from entrypoints.http.requests import MAX_NOTICE_BYTES, AnyRequest, read_body


@frozen
class WebhookRoutes:
    """The gateway's route."""

    receive_notification: ReceiveNotification
    notifications: NotificationReader
    running: BackgroundTasks

    async def stripe(self, request: AnyRequest) -> Response[bytes]:
        """Hear a notice, once; any answer but 2xx makes Stripe send it again.

        https://docs.stripe.com/webhooks#handle-duplicate-events
        """
        content = await read_body(request, MAX_NOTICE_BYTES)
        notification = self.notifications.read(content, request.headers.get("stripe-signature", ""))
        await self.running.to_its_end(self.receive_notification(notification))
        return reply(200, {"received": True}).response()
