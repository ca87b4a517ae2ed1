"""The promises of unusable notifications."""

import asyncio
from datetime import timedelta

from application.ports.unusable_notifications import MAX_REASON
from tests.contracts.storages import Storage

BODY = b'{"id": "evt_1", "\x00\xff'


class UnusableNotificationsContract:
    """The promises of application/ports/unusable_notifications.py."""

    async def test_a_notification_is_kept_byte_for_byte(self, storage: Storage) -> None:
        await storage.unusable.keep("stripe", "evt_1", "no type", BODY)
        (kept,) = await storage.unusable.list(10)
        assert (kept.gateway, kept.notification_id, kept.reason) == ("stripe", "evt_1", "no type")
        assert (kept.body, kept.attempts) == (BODY, 0)
        assert abs(kept.received_at - storage.now()) < timedelta(minutes=1)
        assert await storage.unusable.show(kept.id) == kept

    async def test_it_is_kept_once_for_each_gateway_and_id(self, storage: Storage) -> None:
        keep = storage.unusable.keep
        await asyncio.gather(*(keep("stripe", "evt_1", "first", BODY) for _ in range(4)))
        await keep("stripe", "evt_1", "second", BODY)
        await keep("other", "evt_1", "third", BODY)
        kept = await storage.unusable.list(10)
        assert [each.reason for each in kept] == ["second", "third"]

    async def test_they_are_listed_page_by_page_oldest_first(self, storage: Storage) -> None:
        for number in range(5):
            await storage.unusable.keep("stripe", f"evt_{number}", "no type", BODY)
        first = await storage.unusable.list(2)
        rest = await storage.unusable.list(10, first[-1].id)
        listed = [each.notification_id for each in (*first, *rest)]
        assert listed == [f"evt_{number}" for number in range(5)]
        assert await storage.unusable.list(10, rest[-1].id) == []

    async def test_attempts_are_counted_with_the_newest_reason(self, storage: Storage) -> None:
        await storage.unusable.keep("stripe", "evt_1", "no type", BODY)
        (kept,) = await storage.unusable.list(1)
        for reason in ("still none", "x" * MAX_REASON * 2):
            await storage.unusable.record_attempt(kept.id, reason)
        again = await storage.unusable.show(kept.id)
        assert again is not None
        assert (again.attempts, again.reason) == (2, "x" * MAX_REASON)
        await storage.unusable.record_attempt(kept.id + 1, "nobody")

    async def test_one_that_the_gateway_repeats_keeps_everything_but_its_reason(
        self, storage: Storage
    ) -> None:
        await storage.unusable.keep("stripe", "evt_1", "no type", BODY)
        (kept,) = await storage.unusable.list(1)
        await storage.unusable.record_attempt(kept.id, "still none")
        await storage.elapse(timedelta(minutes=1))
        await storage.unusable.keep("stripe", "evt_1", "again", b"another body")
        again = await storage.unusable.show(kept.id)
        assert again is not None
        assert (again.body, again.attempts, again.reason) == (BODY, 1, "again")

    async def test_what_is_removed_is_gone(self, storage: Storage) -> None:
        for number in range(3):
            await storage.unusable.keep("stripe", f"evt_{number}", "no type", BODY)
        first, second, third = await storage.unusable.list(10)
        assert await storage.unusable.remove([first.id, second.id, third.id + 1]) == 2
        assert await storage.unusable.list(10) == [third]
        assert await storage.unusable.show(first.id) is None
        assert await storage.unusable.remove([]) == 0

    async def test_they_are_part_of_the_backlog(self, storage: Storage) -> None:
        await storage.unusable.keep("stripe", "evt_1", "no type", BODY)
        assert (await storage.backlog.read()).notifications_unusable == 1
        (item,) = await storage.backlog.find_oldest(3)
        assert (item.id, item.belongs_to, item.detail) == ("evt_1", "stripe", "no type")
