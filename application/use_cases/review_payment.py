"""ReviewPayment: an operator decides about a payment in review."""

import logging

from attrs import frozen

from application.log_context import note, note_payment
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.changed_payments import Change
from domain.identifiers import PaymentId
from domain.order_entities import PaymentNotFound
from domain.order_reviews import ReviewDecision
from domain.payment import Payment

logger = logging.getLogger(__name__)


@frozen
class ReviewPayment:
    """Keep what was captured, and publish the payment; or give all of it back."""

    retry: RetryOnConflict
    now: Clock

    async def __call__(
        self, payment_id: PaymentId, decision: ReviewDecision, reason: str
    ) -> Payment:
        """Return the payment afterwards: `succeeded` or `reversed`.

        What is given back is sent by recovery, and again if the bank rejects it.

        Raises:
            PaymentNotFound, NotInReview, CannotBeKept: see `Order.decide_review`.
            StorageUnavailable: nothing is known to be written.
        """
        note(payment_id=payment_id)
        payment = await self.retry(lambda work: self._decide(work, payment_id, decision))
        logger.info("an operator has decided: %s: %s", decision.value, reason)
        return payment

    async def _decide(
        self, work: UnitOfWork, payment_id: PaymentId, decision: ReviewDecision
    ) -> Payment:
        order = await work.orders.find_by_payment(payment_id)
        if order is None:
            raise PaymentNotFound(payment_id)
        note_payment(order.payment(payment_id))
        now = self.now()
        change = Change(order, order.decide_review(payment_id, decision, now), now)
        work.orders.save(change.after)
        for event in change.events:
            work.outbox.add(event)
        return change.after.payment(payment_id)
