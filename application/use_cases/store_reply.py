"""StoreReply: store the reply to a request with an idempotency key in a commit of its own."""

import logging

from attrs import frozen

from application.ports.charge_reading import ChargeQuery
from application.ports.clock import NewId
from application.ports.idempotency_store import RequestRepeated
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

    async def compare(self, command: PayOrder, result: ChargeResult) -> None:
        """Compare a result with the reply that was stored for its payment.

        They differ if that commit has lost its confirmation, and the payment has changed since.

        Raises:
            RequestRepeated: another reply was stored, and is repeated from now on.
            StorageUnavailable: the database cannot be reached.
        """
        request = command.request
        if request is None:
            return
        query = ChargeQuery(command.order_id, key=request.key)
        known = (await self.retry.begin().read_charge(query)).request
        if known is None or known.reply is None or known.holder != result.payment.id:
            return
        if known.reply != request.reply_to(result):
            raise RequestRepeated(known.reply)

    async def __call__(
        self, command: PayOrder, result: ChargeResult | AlreadyPaid, holder: str = ""
    ) -> None:
        """Store the reply to this result, if it is final.

        If the database fails, the result is returned nevertheless: the order prevents a second
        charge while its payment is live or has paid it. After a decline it prevents nothing, so the
        error is raised. A 202 that was not stored is not repeated once its payment has failed: the
        same request then charges anew.

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
            # While its payment is live, or has paid it, the order prevents a second charge as well.
            logger.warning("reply not stored for an idempotency key")
