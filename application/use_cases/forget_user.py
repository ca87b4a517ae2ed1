"""ForgetUser: replace a user's id by a pseudonym, wherever it is stored."""

from collections.abc import AsyncIterator, Mapping, Sequence

from attrs import frozen

from application.ports.personal_data import PersonalData
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from domain.forgetting import concerns, forget, unfinished
from domain.identifiers import OrderId, UserId
from domain.order import Order


@frozen
class StillNeeded(Exception):
    """Something of the user's orders is not finished; nothing more is forgotten before that."""

    reasons: Sequence[str]


@frozen
class ForgottenUser:
    """What was done, or would be done."""

    orders: int
    payments: int
    rows: Mapping[str, int]
    """The rows that were deleted, by what they are."""


@frozen
class ForgetUser:
    """Forget a user: their orders and payments stay, under a name that leads to nobody."""

    retry: RetryOnConflict
    personal_data: PersonalData

    async def preview(self, user_id: UserId) -> ForgottenUser:
        """Return what would be done; nothing is written.

        Raises:
            StillNeeded: a payment, refund or dispute is not finished.
            StorageUnavailable: the database cannot be reached.
        """
        orders, payments, reasons = 0, 0, list[str]()
        async for page in self._pages(user_id):
            found = await self.retry.begin().orders.get_many(page)
            for order in found.values():
                orders += 1
                payments += sum(each.user_id == user_id for each in order.payments)
                reasons += _reasons(order)
        if reasons:
            raise StillNeeded(reasons)
        return ForgottenUser(orders, payments, await self.personal_data.count_rows(user_id))

    async def __call__(self, user_id: UserId, stand_in: UserId) -> ForgottenUser:
        """Replace the user's id by `stand_in`, one order after the other.

        It can be repeated after an error: what is done is not done again. Two runs may give the
        orders of one user two pseudonyms.

        Raises:
            StillNeeded: a payment, refund or dispute is not finished; if that was so at the
                beginning, nothing was changed.
            StorageUnavailable: the database cannot be reached; what is left is done next time.
        """
        preview = await self.preview(user_id)
        async for page in self._pages(user_id):
            for order_id in page:
                await self._forget(order_id, user_id, stand_in)
        rows = await self.personal_data.delete_rows(user_id)
        return ForgottenUser(preview.orders, preview.payments, rows)

    async def _pages(self, user_id: UserId) -> AsyncIterator[Sequence[OrderId]]:
        after: OrderId | None = None
        while True:
            found = await self.personal_data.find_orders(user_id, after)
            if found.orders:
                yield found.orders
            if found.next_after is None:
                return
            after = found.next_after

    async def _forget(self, order_id: OrderId, user_id: UserId, stand_in: UserId) -> None:
        async def decision(work: UnitOfWork) -> None:
            order = await work.orders.get(order_id)
            if order is None or not concerns(order, user_id):
                return
            if reasons := _reasons(order):
                raise StillNeeded(reasons)
            work.orders.save(forget(order, user_id, stand_in))

        await self.retry(decision)


def _reasons(order: Order) -> Sequence[str]:
    return [f"order {order.id}: {each}" for each in unfinished(order)]
