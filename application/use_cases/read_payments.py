"""ReadPayments: users read their own payments."""

from attrs import frozen

from application.log_context import note, note_order, note_payment
from application.ports.unit_of_work import BeginUnitOfWork
from domain.identifiers import OrderId, PaymentId, UserId
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.payment import Payment


@frozen
class ReadPayments:
    """Return a user's own payments, never another user's."""

    begin: BeginUnitOfWork

    async def one(self, payment_id: PaymentId, user: UserId) -> tuple[Payment, Order]:
        """Return a payment of the user with its order.

        Raises:
            PaymentNotFound: there is none, or it is another user's; the error is the same.
            StorageUnavailable: the database cannot be reached.
        """
        note(payment_id=payment_id)
        order = await self.begin().orders.find_by_payment(payment_id)
        if order is None or order.payment(payment_id).user_id != user:
            raise PaymentNotFound(payment_id)
        note_payment(order.payment(payment_id))
        return order.payment(payment_id), order

    async def of_order(
        self, order_id: OrderId, user: UserId
    ) -> tuple[tuple[Payment, ...], Order | None]:
        """Return the user's payments of an order, oldest first, and the order if it exists.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        note(order_id=order_id)
        order = await self.begin().orders.get(order_id)
        if order is None:
            return (), None
        note_order(order)
        return tuple(each for each in order.payments if each.user_id == user), order
