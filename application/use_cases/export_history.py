"""ExportHistory: write the history of one order as a file that anybody can verify."""

from collections.abc import AsyncIterator

from attrs import frozen

from application.ports.history_roots import HistoryRoots
from application.ports.order_histories import OrderHistories
from domain.audit_file import last_line, line_of
from domain.claim import OrderNotFound
from domain.identifiers import OrderId


@frozen
class ExportHistory:
    """Write the entries of an order, and a last line with the newest root that contains it."""

    histories: OrderHistories
    roots: HistoryRoots

    async def __call__(self, order_id: OrderId) -> AsyncIterator[str]:
        """Yield the lines, without their ends.

        The root is read first, so it never contains an entry that is not written. What is stored is
        written as it is: whether it is intact is for `verify` to say.

        Raises:
            OrderNotFound: the order has no history: it is unknown, or has not changed since
                histories are kept.
            StorageUnavailable: the database cannot be reached.
        """
        proof, last = await self.roots.prove(order_id), None
        while page := await self.histories.read(order_id, 0 if last is None else last.seq):
            for entry in page:
                yield line_of(entry)
            last = page[-1]
        if last is None:
            raise OrderNotFound(order_id)
        yield last_line(last, order_id, proof)
