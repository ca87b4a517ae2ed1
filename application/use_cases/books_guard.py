"""BooksGuard: no charge before our books were compared with those of the gateways."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field, frozen

from application.acting import acting
from application.ports.books import Books
from application.ports.clock import Clock
from application.ports.gateways import ConfiguredGateway
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.compare_books import CompareBooks
from domain.actor import RECONCILIATION, Actor

logger = logging.getLogger(__name__)

WAIT_SECONDS: Final = 5.0
"""How long a customer waits for a comparison. After a failover it lists the charges of a minute or
two, which takes well below a second."""

INTERVAL: Final = timedelta(minutes=1)
"""How often the worker compares; the charges of this time are listed again after a failover."""

RETRY_AFTER: Final = timedelta(seconds=10)
"""The pause after a comparison that failed, if no customer waits: well below INTERVAL, and few
requests for a gateway that is down."""

LOST_AGAIN: Final = "the database's connections were lost again"


@define(eq=False)
class BooksGuard:
    """Remembers for which generation this process has compared the books with one gateway's.

    The check before a charge is in memory; it costs a charge nothing.
    """

    compare: CompareBooks
    books: Books
    now: Clock
    _compared: int | None = field(default=None, init=False)
    _given_up: int | None = field(default=None, init=False)
    _running: "asyncio.Task[None] | None" = field(default=None, init=False)
    _due_at: datetime | None = field(default=None, init=False)
    _retry_at: datetime | None = field(default=None, init=False)

    def holds(self, generation: int) -> bool:
        """Whether the books of this generation were compared and are still the ones in use."""
        return self._compared == generation == self.books.generation

    def is_worth_waiting(self, generation: int) -> bool:
        """Whether a charge at another gateway should wait: it has not waited in vain before."""
        return generation not in (self._compared, self._given_up)

    async def __call__(self) -> int:
        """Return the generation of the books, compared with the gateway's.

        A comparison continues if this caller is cancelled or does not wait for it any longer.

        Raises:
            GatewayUnavailable: the gateway cannot be asked, so it could not charge either.
            StorageUnavailable: the database cannot be reached, or the comparison takes longer.
        """
        generation = self.books.generation
        if self._compared == generation:
            return generation
        running = self.start()
        await asyncio.wait([running], timeout=WAIT_SECONDS)
        if not running.done():
            raise StorageUnavailable("the books are being compared with the gateway's")
        try:
            running.result()
        except OutcomeUnknown as unknown:
            raise GatewayUnavailable(f"the books could not be compared: {unknown}") from unknown
        generation = self.books.generation
        if self._compared != generation:
            raise StorageUnavailable(LOST_AGAIN)
        return generation

    def wait_no_more(self, generation: int, running: "asyncio.Task[None]") -> None:
        """Let charges at other gateways be made if this gateway could not be asked.

        Raises:
            StorageUnavailable: it could; the database was lost meanwhile.
        """
        if self._compared == generation:
            return
        if running.done() and not running.cancelled():
            error = running.exception()
            if error is None or isinstance(error, StorageUnavailable):
                raise StorageUnavailable(LOST_AGAIN) from error
        self._given_up = generation

    async def keep(self) -> None:
        """Compare if the books may be behind; a failure is logged and repeated after a pause."""
        await self._compare_if(self._compared != self.books.generation)

    async def run_once(self) -> int:
        """Do the same, and compare every minute; return 0, so that the loop pauses."""
        is_due = self._due_at is None or self.now() >= self._due_at
        await self._compare_if(is_due or self._compared != self.books.generation)
        return 0

    async def _compare_if(self, is_needed: bool) -> None:
        if not is_needed or (self._retry_at is not None and self.now() < self._retry_at):
            return
        try:
            await asyncio.shield(self.start())
        except (OutcomeUnknown, GatewayUnavailable, StorageUnavailable) as error:
            logger.warning("the books could not be compared with the gateway's: %s", error)
            self._retry_at = self.now() + RETRY_AFTER
        else:
            self._retry_at, self._due_at = None, self.now() + INTERVAL

    def start(self) -> "asyncio.Task[None]":
        """Start a comparison, unless one is running."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run())
            self._running.add_done_callback(_retrieve)
        return self._running

    async def _run(self) -> None:
        generation = self.books.generation
        await self.books.identity()  # before the first claim, which contains it
        with acting(Actor(RECONCILIATION)):
            await self.compare()
        self._compared = generation  # another one may have begun: `holds` compares again


@frozen
class BooksGuards:
    """The guard of each gateway: one that can be asked is, before a charge at any other.

    One that cannot be asked stops no charge at another.
    """

    guards: tuple[BooksGuard, ...]
    """In the order of the settings."""

    def __iter__(self) -> Iterator[BooksGuard]:
        return iter(self.guards)

    @property
    def default(self) -> BooksGuard:
        """The guard of the default gateway."""
        return self.guards[0]

    def hold(self, guard: BooksGuard, generation: int) -> bool:
        """Whether a charge at the gateway of this guard may be made now.

        Its books were compared; those of the others were, too, unless they could not be asked.
        """
        return guard.holds(generation) and not self._unasked(guard, generation)

    async def compare(self, guard: BooksGuard) -> int:
        """Return the generation of the books, compared for a charge at the gateway of this guard.

        Raises:
            GatewayUnavailable, StorageUnavailable: as the guard does. One of the others that
                cannot be asked raises nothing, and is not waited for again.
        """
        asked_in = guard.books.generation
        others = self._unasked(guard, asked_in)
        if not others:
            return await guard()
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_SECONDS
        running = [each.start() for each in others]
        generation = await guard()
        await asyncio.wait(running, timeout=max(until - loop.time(), 0))
        for each, comparison in zip(others, running, strict=True):
            each.wait_no_more(asked_in, comparison)
        return generation

    def _unasked(self, guard: BooksGuard, generation: int) -> list[BooksGuard]:
        return [
            each for each in self.guards if each is not guard and each.is_worth_waiting(generation)
        ]

    def of(self, gateway: ConfiguredGateway) -> BooksGuard:
        """Return the guard of a gateway."""
        for each in self.guards:
            if each.compare.gateway is gateway:
                return each
        raise LookupError(gateway.name)  # every configured gateway has one


def _retrieve(task: "asyncio.Task[None]") -> None:
    """Retrieve the exception, or asyncio would report it if nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
