"""CapturePayment: an operator captures what is authorized."""

from attrs import frozen

from application.log_context import note
from application.ports.clock import Clock
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.send_capture import CaptureResult, SendCapture
from domain.identifiers import PaymentId
from domain.order_entities import PaymentNotFound
from domain.payment import Payment


@frozen
class CapturePayment:
    """Capture part or all of an authorization: record the request, send it, settle it."""

    retry: RetryOnConflict
    send: SendCapture
    now: Clock

    async def __call__(
        self,
        payment_id: PaymentId,
        minor_units: int | None = None,
        currency: str | None = None,
    ) -> CaptureResult:
        """Capture this many minor units, and release the rest; if None, capture all.

        `currency` is the one that the operator expects, if they have said.

        Returns the payment afterwards. It is still authorized if the outcome is unknown: recovery
        continues the capture. If the gateway has refused it, nothing is requested any more.

        Raises:
            PaymentNotFound, NotAuthorized, BeingReleased, BeingCaptured,
            CaptureExceedsAuthorization, CaptureCurrencyMismatch: see `Order.request_capture`.
            GatewayNotConfigured: nothing was recorded.
            StorageUnavailable: nothing was sent; if it was recorded, recovery sends it.
        """
        note(payment_id=payment_id)
        requested = await self.retry(
            lambda work: self._request(work, payment_id, minor_units, currency)
        )
        if requested.requested_capture is None:
            return CaptureResult(requested)
        try:
            return await self.send(requested)
        except StorageUnavailable:
            return CaptureResult(requested)

    async def _request(
        self,
        work: UnitOfWork,
        payment_id: PaymentId,
        minor_units: int | None,
        currency: str | None,
    ) -> Payment:
        order = await work.orders.find_by_payment(payment_id)
        if order is None:
            raise PaymentNotFound(payment_id)
        requested = order.request_capture(payment_id, minor_units, self.now(), currency)
        self.send.gateways.having(requested.payment(payment_id))
        if requested != order:
            work.orders.save(requested)
        return requested.payment(payment_id)
