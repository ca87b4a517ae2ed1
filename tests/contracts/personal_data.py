"""The promises about what is stored of one user."""

from datetime import timedelta

from attrs import evolve

from application.ports.idempotency_store import RequestKey
from domain.identifiers import OrderId
from tests.builders import (
    OTHER_USER,
    PAYER,
    a_payment,
    an_order,
    created_event,
)
from tests.contracts.storages import Storage

MINUTE = timedelta(minutes=1)


class PersonalDataContract:
    """The promises of application/ports/personal_data.py."""

    async def test_the_orders_that_a_user_owns_or_has_paid_are_found(
        self, storage: Storage
    ) -> None:
        own, paid, other = (OrderId(f"order-{number}") for number in (1, 2, 3))
        await storage.save(
            an_order(replica=created_event(own)),
            an_order(
                evolve(a_payment(), order_id=paid),
                replica=created_event(paid, user_id=OTHER_USER),
            ),
            an_order(replica=created_event(other, user_id=OTHER_USER)),
        )
        found = await storage.personal_data.find_orders(PAYER)
        assert (list(found.orders), found.next_after) == ([own, paid], None)
        after = await storage.personal_data.find_orders(PAYER, own)
        assert list(after.orders) == [paid]

    async def test_the_rows_of_a_user_alone_are_deleted(self, storage: Storage) -> None:
        store, personal_data = storage.idempotency_store, storage.personal_data
        for user in (PAYER, OTHER_USER):
            await store.begin(RequestKey(user, "key"), "fingerprint", MINUTE)
            await storage.declines.add([f"user:{user}", "address:192.0.2.1"])
        expected = {"replies": 1, "declines": 1}
        assert await personal_data.count_rows(PAYER) == expected
        assert await personal_data.delete_rows(PAYER) == expected
        assert await personal_data.count_rows(PAYER) == {"replies": 0, "declines": 0}
        assert await personal_data.count_rows(OTHER_USER) == expected
        window = timedelta(hours=1)
        sources = f"user:{PAYER}", f"user:{OTHER_USER}", "address:192.0.2.1"
        assert list((await storage.declined(window, *sources)).values()) == [0, 1, 2]
