"""The promises about what is stored of one user."""

from datetime import timedelta

import pytest
from attrs import evolve

from application.ports.idempotency_store import RequestKey
from domain.identifiers import OrderId, UserId
from tests.builders import (
    OTHER_USER,
    PAYER,
    a_payment,
    an_order,
    created_event,
)
from tests.contracts.storages import Storage

MINUTE = timedelta(minutes=1)

USERS = [
    (PAYER, OTHER_USER),
    *((UserId(one), UserId(another)) for one, another in (("1", "10"), ("1_", "1a"), ("%", "a"))),
]
"""A user, and another one that must not be taken for it: its id begins alike, or fits a pattern."""

MANY = 1_001
"""More orders than a page has, and more rows than are deleted at once."""


class PersonalDataContract:
    """The promises of application/ports/personal_data.py."""

    @pytest.mark.parametrize(("user", "another"), USERS)
    async def test_the_orders_that_a_user_owns_or_has_paid_are_found(
        self, storage: Storage, user: UserId, another: UserId
    ) -> None:
        own, paid, other = (OrderId(f"order-{number}") for number in (1, 2, 3))
        await storage.save(
            an_order(replica=created_event(own, user_id=user)),
            an_order(
                evolve(a_payment(), order_id=paid, user_id=user),
                replica=created_event(paid, user_id=another),
            ),
            an_order(replica=created_event(other, user_id=another)),
        )
        found = await storage.personal_data.find_orders(user)
        assert (list(found.orders), found.next_after) == ([own, paid], None)
        after = await storage.personal_data.find_orders(user, own)
        assert list(after.orders) == [paid]

    async def test_the_orders_of_a_user_are_found_behind_any_number_of_others(
        self, storage: Storage
    ) -> None:
        last = OrderId("order-9999")
        others = (OrderId(f"order-{number:04}") for number in range(MANY))
        await storage.save(
            *(an_order(replica=created_event(each, user_id=OTHER_USER)) for each in others),
            an_order(replica=created_event(last)),
        )
        found = [await storage.personal_data.find_orders(PAYER)]
        while (after := found[-1].next_after) is not None:
            found.append(await storage.personal_data.find_orders(PAYER, after))
        assert [each for page in found for each in page.orders] == [last]

    @pytest.mark.parametrize(("user", "other"), USERS)
    async def test_the_rows_of_a_user_alone_are_deleted(
        self, storage: Storage, user: UserId, other: UserId
    ) -> None:
        store, personal_data = storage.idempotency_store, storage.personal_data
        for each in (user, other):
            await store.begin(RequestKey(each, "key"), "fingerprint", MINUTE)
            await storage.declines.add([f"user:{each}", "address:192.0.2.1"])
        expected = {"replies": 1, "declines": 1}
        assert await personal_data.count_rows(user) == expected
        assert await personal_data.delete_rows(user) == expected
        assert await personal_data.count_rows(user) == {"replies": 0, "declines": 0}
        assert await personal_data.count_rows(other) == expected
        window = timedelta(hours=1)
        sources = f"user:{user}", f"user:{other}", "address:192.0.2.1"
        assert list((await storage.declined(window, *sources)).values()) == [0, 1, 2]

    async def test_however_many_rows_a_user_has_all_are_deleted(self, storage: Storage) -> None:
        await storage.declines.add([f"user:{PAYER}"] * MANY)
        await storage.idempotency_store.begin(RequestKey(PAYER, "key"), "fingerprint", MINUTE)
        expected = {"replies": 1, "declines": MANY}
        assert await storage.personal_data.delete_rows(PAYER) == expected
        assert await storage.personal_data.count_rows(PAYER) == {"replies": 0, "declines": 0}
