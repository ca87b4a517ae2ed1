"""`/api/payments/webhooks/stripe`: what the gateway tells by itself."""

from attrs import frozen
from litestar import Response

from application.ports.gateway_notices import GatewayNotices
from application.use_cases.receive_notice import ReceiveNotice
from entrypoints.http.replies import reply
from entrypoints.http.requests import MOST_NOTICE_BYTES, AnyRequest, read_body
from entrypoints.http.running import Running


@frozen
class WebhookRoutes:
    """The gateway's route."""

    receive_notice: ReceiveNotice
    notices: GatewayNotices
    running: Running

    async def stripe(self, request: AnyRequest) -> Response[bytes]:
        """Hear a notice, once; any answer but 2xx makes Stripe send it again.

        https://docs.stripe.com/webhooks#handle-duplicate-events
        """
        content = await read_body(request, MOST_NOTICE_BYTES)
        notice = self.notices.read(content, request.headers.get("stripe-signature", ""))
        await self.running.to_its_end(self.receive_notice(notice))
        return reply(200, {"received": True}).response()
