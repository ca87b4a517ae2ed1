"""The promises of stored differences."""

from datetime import timedelta

from attrs import evolve

from application.ports.backlog import BacklogKind
from application.ports.differences import MAX_VALUE, ComparedPeriod, Difference, DifferenceKind
from domain.identifiers import OrderId, PaymentId
from tests.contracts.storages import Storage

HOUR = timedelta(hours=1)


def a_difference(storage: Storage, subject: str = "ch_1") -> Difference:
    return Difference(
        kind=DifferenceKind.AMOUNT,
        gateway="stripe",
        livemode=False,
        subject=subject,
        at=storage.now() - HOUR,
        order_id=OrderId("order-1"),
        payment_id=PaymentId("payment-1"),
        ours="1000 usd",
        theirs="900 usd",
    )


async def subjects(storage: Storage) -> list[str]:
    """Return the subjects of the open differences."""
    found = await storage.backlog.find_oldest(10)
    return sorted(each.id for each in found if each.kind is BacklogKind.DIFFERENCE)


def compared(storage: Storage) -> ComparedPeriod:
    now = storage.now()
    return ComparedPeriod("stripe", False, now - 2 * HOUR, now + HOUR, now)


class DifferencesContract:
    """The promises of application/ports/differences.py."""

    async def test_an_open_difference_is_part_of_the_backlog(self, storage: Storage) -> None:
        await storage.differences.record([a_difference(storage)])
        await storage.differences.record([evolve(a_difference(storage), theirs="800 usd")])
        assert (await storage.backlog.read()).differences == 1
        [item] = await storage.backlog.find_oldest(10)
        assert (item.kind, item.id) == (BacklogKind.DIFFERENCE, "ch_1")
        assert (item.belongs_to, item.detail) == ("payment-1", "amount")

    async def test_one_that_was_repaired_is_resolved_until_it_is_found_again(
        self, storage: Storage
    ) -> None:
        found = a_difference(storage)
        await storage.differences.record([found])
        await storage.differences.record([evolve(found, repaired=True)])
        assert await subjects(storage) == []
        await storage.differences.record([found])
        assert await subjects(storage) == ["ch_1"]

    async def test_kinds_subjects_modes_and_gateways_are_kept_apart(self, storage: Storage) -> None:
        found = a_difference(storage)
        others = (
            evolve(found, subject="ch_2"),
            evolve(found, livemode=True),
            evolve(found, gateway="paypal"),
            evolve(found, kind=DifferenceKind.CURRENCY),
        )
        await storage.differences.record([found, *others])
        assert (await storage.backlog.read()).differences == 5

    async def test_what_a_comparison_does_not_find_again_is_resolved(
        self, storage: Storage
    ) -> None:
        await storage.differences.record([a_difference(storage), a_difference(storage, "ch_2")])
        await storage.elapse(timedelta(minutes=1))
        period = compared(storage)
        await storage.differences.record([a_difference(storage, "ch_2")])
        assert await storage.differences.resolve(period) == 1
        assert await subjects(storage) == ["ch_2"]
        assert await storage.differences.resolve(period) == 0

    async def test_what_was_not_compared_stays_open(self, storage: Storage) -> None:
        await storage.differences.record([a_difference(storage)])
        await storage.elapse(timedelta(minutes=1))
        period = compared(storage)
        for other in (
            evolve(period, gateway="paypal"),
            evolve(period, livemode=True),
            evolve(period, since=storage.now()),
            evolve(period, until=storage.now() - 3 * HOUR),
        ):
            assert await storage.differences.resolve(other) == 0
        assert await subjects(storage) == ["ch_1"]

    async def test_what_was_found_after_the_end_of_a_period_stays_open(
        self, storage: Storage
    ) -> None:
        """Its record at the gateway may be made later than its payment, and so after the end."""
        await storage.differences.record([a_difference(storage)])
        await storage.elapse(timedelta(minutes=1))
        period = compared(storage)
        ended = evolve(period, until=storage.now() - HOUR / 2)
        assert await storage.differences.resolve(ended) == 0
        assert await storage.differences.resolve(period) == 1

    async def test_open_ones_are_listed_page_by_page_the_oldest_first(
        self, storage: Storage
    ) -> None:
        for subject in ("ch_1", "ch_3", "ch_2"):
            await storage.differences.record([a_difference(storage, subject)])
            await storage.elapse(timedelta(minutes=1))
        await storage.differences.record([evolve(a_difference(storage, "ch_4"), repaired=True)])
        listed = []
        page = await storage.differences.list_open(2)
        while page:
            listed += [each.difference.subject for each in page]
            assert all(each.found_at <= each.seen_at for each in page)
            page = await storage.differences.list_open(2, page[-1].place)
        assert listed == ["ch_1", "ch_3", "ch_2"]
        [first] = await storage.differences.list_open(1)
        now = storage.now()
        assert evolve(first.difference, at=now) == evolve(a_difference(storage), at=now)

    async def test_texts_of_any_content_are_stored(self, storage: Storage) -> None:
        texts = "\0", "", "é" * 2 * MAX_VALUE, "a\nb"
        for number, each in enumerate(texts):
            found = evolve(a_difference(storage, f"ch_{number}"), theirs=each, reason=each)
            await storage.differences.record([found])
        assert len(await subjects(storage)) == len(texts)
