"""The promises of the books about themselves."""

import re
from datetime import timedelta

from tests.builders import NOW
from tests.contracts.storages import Storage

GATEWAY = ("stripe", True)
LATER = NOW + timedelta(minutes=1)


class BooksContract:
    """The promises of application/ports/books.py."""

    async def test_there_is_no_mark_before_the_first_comparison_has_ended(
        self, storage: Storage
    ) -> None:
        assert (await storage.books.begin(*GATEWAY)).mark is None
        assert (await storage.books.begin(*GATEWAY)).mark is None

    async def test_a_mark_is_what_the_last_comparison_recorded(self, storage: Storage) -> None:
        for mark in (NOW, LATER, NOW):  # a clock may have been wrong
            comparison = await storage.books.begin(*GATEWAY)
            assert await storage.books.advance(comparison, mark)
            assert (await storage.books.begin(*GATEWAY)).mark == mark

    async def test_each_gateway_has_a_mark_of_its_own_in_each_mode(self, storage: Storage) -> None:
        await storage.books.advance(await storage.books.begin(*GATEWAY), NOW)
        for other in (("stripe", False), ("paypal", True)):
            assert (await storage.books.begin(*other)).mark is None

    async def test_a_comparison_can_advance_in_steps(self, storage: Storage) -> None:
        comparison = await storage.books.begin(*GATEWAY)
        assert await storage.books.advance(comparison, NOW)
        assert await storage.books.advance(comparison, LATER)
        assert (await storage.books.begin(*GATEWAY)).mark == LATER

    async def test_only_the_newest_comparison_advances_the_mark(self, storage: Storage) -> None:
        first = await storage.books.begin(*GATEWAY)
        second = await storage.books.begin(*GATEWAY)
        assert not await storage.books.advance(first, LATER)
        assert await storage.books.advance(second, NOW)
        assert not await storage.books.advance(first, LATER)
        assert (await storage.books.begin(*GATEWAY)).mark == NOW

    async def test_the_identity_is_short_and_always_the_same(self, storage: Storage) -> None:
        identity = await storage.books.identity()
        assert re.fullmatch(r"[0-9a-f]{0,8}", identity)
        assert await storage.books.identity() == identity

    async def test_the_generation_stays_the_same_while_nothing_is_lost(
        self, storage: Storage
    ) -> None:
        before = storage.books.generation
        await storage.books.begin(*GATEWAY)
        assert storage.books.generation == before
