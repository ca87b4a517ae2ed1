"""CancelPayment: a customer cancels a payment that waits for them or for its money."""

from attrs import frozen

from application.ports.clock import Clock
from application.ports.payment_gateway import CALL_SECONDS
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.check_payment import CheckPayment
from domain.identifiers import PaymentId, UserId
from domain.order_entities import PaymentNotFound
from domain.payment import Payment


@frozen
class CancelPayment:
    """Cancel a payment: record the request, cancel the payment at the gateway, settle it."""

    retry: RetryOnConflict
    check: CheckPayment
    now: Clock

    async def __call__(self, payment_id: PaymentId, user: UserId) -> Payment:
        """Return the payment afterwards; it is cancelled unless it could not be.

        Once the request is recorded, recovery cancels the payment if this process cannot, such as
        after a crash. A payment that the customer has authenticated meanwhile is kept, and so is a
        pending one that the gateway does not cancel any more. The caller must run it to its end
        even if the customer disconnects.

        Raises:
            PaymentNotFound: there is none, or it is another user's; the error is the same.
            StorageUnavailable: it may be cancelled later.
        """
        payment = await self._request_cancellation(payment_id, user)
        if not payment.is_being_cancelled:
            return payment
        return (await self.check(payment, cancel=True, within=CALL_SECONDS)).payment

    async def _request_cancellation(self, payment_id: PaymentId, user: UserId) -> Payment:
        async def decision(work: UnitOfWork) -> Payment:
            order = await work.orders.find_by_payment(payment_id)
            if order is None or order.payment(payment_id).user_id != user:
                raise PaymentNotFound(payment_id)
            requested = order.request_cancellation(payment_id, self.now())
            if requested != order:
                work.orders.save(requested)
            return requested.payment(payment_id)

        return await self.retry(decision)
