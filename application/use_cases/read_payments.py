"""ReadPayments: a user's look at their own payments."""

from attrs import frozen

from application.ports.unit_of_work import BeginUnitOfWork
from domain.bill import Bill, PaymentNotFound
from domain.order import OrderId, UserId
from domain.payment import Payment, PaymentId


@frozen
class ReadPayments:
    """Show a user what became of their payments, and nobody else's."""

    begin: BeginUnitOfWork

    async def one(self, payment_id: PaymentId, user: UserId) -> tuple[Payment, Bill]:
        """A payment of the user's, with the bill it is on.

        Raises:
            PaymentNotFound: there is none, or it is somebody else's: who asks cannot tell which.
            StorageUnavailable: the database cannot be reached.
        """
        bill = await self.begin().bills.holding(payment_id)
        if bill is None or bill.payment(payment_id).user_id != user:
            raise PaymentNotFound(payment_id)
        return bill.payment(payment_id), bill

    async def of_order(
        self, order_id: OrderId, user: UserId
    ) -> tuple[tuple[Payment, ...], Bill | None]:
        """The user's payments of an order, oldest first; none of an order that is not theirs.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        bill = (await self.begin().bills.of([order_id])).get(order_id)
        if bill is None:
            return (), None
        return tuple(each for each in bill.payments if each.user_id == user), bill
