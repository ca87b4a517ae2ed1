"""VoidPayment: an operator releases what is authorized."""

from attrs import frozen

from application.log_context import note
from application.ports.clock import Clock
from application.ports.payment_gateway import CALL_SECONDS
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.check_payment import CheckPayment
from domain.identifiers import PaymentId
from domain.order_captures import VOIDED
from domain.order_entities import PaymentNotFound
from domain.payment import Payment


@frozen
class VoidPayment:
    """Release an authorization: record the request, release it at the gateway, settle it."""

    retry: RetryOnConflict
    check: CheckPayment
    now: Clock

    async def __call__(self, payment_id: PaymentId, reason: str = VOIDED) -> Payment:
        """Return the payment afterwards; it is still authorized if the outcome is unknown.

        Once the request is recorded, recovery releases it if this process cannot. What was captured
        meanwhile, such as in the gateway's dashboard, is given back.

        Raises:
            PaymentNotFound, NotAuthorized, BeingCaptured: see `Order.void`.
            GatewayNotConfigured: nothing was recorded.
            StorageUnavailable: it may be released later.
        """
        note(payment_id=payment_id)
        payment = await self.retry(lambda work: self._request(work, payment_id, reason))
        if not payment.is_being_released:
            return payment
        try:
            return (await self.check(payment, cancel=True, within=CALL_SECONDS)).payment
        except StorageUnavailable:
            return payment

    async def _request(self, work: UnitOfWork, payment_id: PaymentId, reason: str) -> Payment:
        order = await work.orders.find_by_payment(payment_id)
        if order is None:
            raise PaymentNotFound(payment_id)
        released = order.void(payment_id, reason, self.now())
        self.check.gateways.having(released.payment(payment_id))
        if released != order:
            work.orders.save(released)
        return released.payment(payment_id)
