"""StoreReply: store the reply to a request with an idempotency key in a commit of its own."""

import logging

from attrs import frozen

from application.ports.charge_reading import ChargeQuery
from application.ports.clock import NewId
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.pay_order import ChargeResult, PayOrder
from domain.claim import AlreadyPaid
from domain.payment_status import PaymentStatus

logger = logging.getLogger(__name__)


@frozen
class StoreReply:
    """Store a reply that no other commit has stored.

    That is the reply to a command that has claimed nothing, or whose outcome could not be settled.
    """

    retry: RetryOnConflict
    new_id: NewId

    async def __call__(
        self, command: PayOrder, result: ChargeResult | AlreadyPaid, holder: str = ""
    ) -> None:
        """Store the reply to this result, if it is final.

        If the database fails, the result counts nevertheless, as a repeated request has the same
        one: 409 if the order is paid. That does not hold after a decline, so that one is no result.

        Args:
            command: the command.
            result: what is replied to.
            holder: who executes its request; empty if the request was not begun.

        Raises:
            RequestRepeated, RequestInProgress, IdempotencyKeyReused: another request with the same
                key was faster, or the reply was stored and only its confirmation lost.
            StorageUnavailable: nothing was charged, and a repeated request may charge.
        """
        request, holder = command.request, holder or self.new_id()
        if request is None or request.reply_to(result) is None:
            return

        async def decision(work: UnitOfWork) -> None:
            reading = await work.read_charge(ChargeQuery(command.order_id, key=request.key))
            request.check(reading.request, holder)
            if reading.request is None or reading.request.holder != holder:
                request.begin(work, holder)
            request.end(work, holder, result)

        try:
            await self.retry(decision)
        except StorageUnavailable:
            if result.payment is not None and result.payment.status is PaymentStatus.FAILED:
                raise
            # The order prevents a second charge as well: a repeat gets 409 "already paid".
            logger.warning("reply not stored for an idempotency key")
