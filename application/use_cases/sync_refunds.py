"""SyncRefunds: record the refunds of a payment that the gateway has and we do not."""

import logging
from collections.abc import Sequence

from attrs import frozen

from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.gateways import Gateways
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.settle_refund import report_doubtful, save_refunds
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund

logger = logging.getLogger(__name__)


@frozen
class Synced:
    """An order with all refunds of a payment, and those of ours that were lost until now."""

    order: Order
    lost: Sequence[Refund]

    @classmethod
    def of(cls, before: Order, after: Order) -> "Synced":
        """Return what has changed."""
        new = [each for each in after.refunds if before.refund(each.id) is None]
        # A refund that follows a failed one was not sent yet, so it has no reference.
        return cls(after, [each for each in new if each.reference and not each.is_external])


@frozen
class SyncRefunds:
    """Ask the gateway for all refunds of a payment, and record each of them.

    What is left of a payment is what the gateway has left: others may refund it as well, such as
    an operator in the gateway's dashboard.
    """

    retry: RetryOnConflict
    gateways: Gateways
    alerts: Alerts
    now: Clock

    async def __call__(self, payment: Payment) -> Synced | None:
        """Return what was found; None if its gateway has no list of refunds.

        `payment` has the id that the gateway has for it.

        Raises:
            OutcomeUnknown, GatewayUnavailable: the gateway could not be asked.
            StorageUnavailable: nothing is known to be written; repeating it changes nothing more.
        """
        at, charge_id = self.gateways.at(payment), payment.charge_id
        if at is None or at.history.list_refunds is None or charge_id is None:
            return None
        reported = await at.history.list_refunds(payment)

        async def decision(work: UnitOfWork) -> tuple[Synced | None, Sequence[Refund]]:
            order = await work.orders.find_by_payment(payment.id)
            if order is None:
                return None, ()
            recorded = order.record_refunds(charge_id, reported, self.now())
            return Synced.of(order, recorded), save_refunds(work, order, recorded)

        synced, doubtful = await self.retry(decision)
        await report_doubtful(self.alerts, doubtful)
        if synced is not None:
            await self._report_lost(synced.lost)
        return synced

    async def if_possible(self, payment: Payment) -> Synced | None:
        """Record what the gateway has; if it cannot be asked, leave it to a later occasion.

        Raises:
            StorageUnavailable: nothing is known to be written.
        """
        try:
            return await self(payment)
        except (OutcomeUnknown, GatewayUnavailable) as error:
            logger.info("the refunds of payment %s could not be listed: %s", payment.id, error)
            return None

    async def _report_lost(self, refunds: Sequence[Refund]) -> None:
        for refund in refunds:
            text = f"refund {refund.id} of payment {refund.payment_id} was lost and is adopted"
            logger.warning("%s", text)
            await self.alerts.report(AlertKind.BOOKS_BEHIND, "refunds", text)
