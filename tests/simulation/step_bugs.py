"""Bugs that only the checks of single steps find: at the end, everything agrees again."""

from datetime import datetime
from typing import Final

from application.ports.gateway_notifications import UsableNotification
from application.use_cases.receive_notification import ReceiveNotification
from domain.order import Order
from domain.order_decisions import OrderDecisions
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.replica import OrderReplica
from tests.simulation.bug import Bug

_adapt, _blocks = Order._adapt, OrderDecisions.blocks


def _a_second_shipment_is_ignored(self: Order, before: OrderReplica, now: datetime) -> Order:
    return _adapt(self, self.replica if before.shipment is not None else before, now)


def _a_reserved_refund_frees_the_order(self: OrderDecisions, payment: Payment) -> bool:
    if payment.status is PaymentStatus.REVIEW:
        return not self.refundable(payment).is_zero
    return _blocks(self, payment)


async def _noted_before_its_effect(
    self: ReceiveNotification, gateway: str, notification: UsableNotification
) -> bool:
    name = f"{gateway}:{notification.id}"
    if await self.retry(lambda work: work.inbox.has(name)):
        return False
    await self.retry(lambda work: self._record(work, name))
    await self._apply(gateway, notification)
    return True


STEP_BUGS: Final = {
    "10: ": Bug("a second shipment", Order, "_adapt", _a_second_shipment_is_ignored),
    "1: payment ": Bug("a review", OrderDecisions, "blocks", _a_reserved_refund_frees_the_order),
    "2: ": Bug("a notification", ReceiveNotification, "__call__", _noted_before_its_effect),
}
"""By the beginning of what their step breaks."""
