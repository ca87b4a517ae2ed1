"""The promises of a unit of work about requests with an idempotency key."""

from datetime import timedelta

import pytest

from application.ports.charge_reading import ChargeQuery, KnownRequest
from application.ports.idempotency_store import RequestKey, StoredReply
from application.ports.unit_of_work import Conflict, UnitOfWork
from tests.builders import ORDER, OTHER_USER, PAYER, an_order, claimed, created_event
from tests.contracts.storages import Storage

KEY = RequestKey(PAYER, "8e03978e-40d5-43e8-bc93-6894a57f9324")
BODY, OTHER_BODY = "fingerprint of a body", "fingerprint of another body"
LEASE = timedelta(seconds=60)
REPLY = StoredReply(201, bytes(range(256)))
WINDOW = timedelta(minutes=10)


async def known(storage: Storage, key: RequestKey = KEY) -> KnownRequest | None:
    """Return what is known of a key."""
    return (await storage.begin().read_charge(ChargeQuery(ORDER, key=key))).request


async def begin(storage: Storage, holder: str = "one", body: str = BODY) -> UnitOfWork:
    """Begin the request."""
    work = storage.begin()
    work.requests.begin(KEY, body, holder, LEASE)
    await work.commit()
    return work


async def end(storage: Storage, holder: str, reply: StoredReply | None = REPLY) -> None:
    """Store the reply, or release the request."""
    work = storage.begin()
    if reply is None:
        work.requests.release(KEY, holder)
    else:
        work.requests.finish(KEY, holder, reply)
    await work.commit()


class RequestsContract:
    """The promises of application/ports/unit_of_work.py about `requests` and `read_charge`."""

    async def test_a_charge_is_read_at_once(self, storage: Storage) -> None:
        await storage.save(claimed())
        await storage.declines.add(["user:1"])
        await begin(storage)
        query = ChargeQuery(ORDER, ["user:1", "address:a"], WINDOW, KEY)
        reading = await storage.begin().read_charge(query)
        assert reading.order == claimed()
        assert reading.declines == {"user:1": 1, "address:a": 0}
        assert reading.request == KnownRequest(BODY, "one", is_leased=True)

    async def test_an_unknown_order_and_key_are_read_as_none(self, storage: Storage) -> None:
        await storage.save(an_order(replica=created_event("order-2")))
        await begin(storage)
        for key in (None, RequestKey(OTHER_USER, KEY.key), RequestKey(PAYER, "another")):
            reading = await storage.begin().read_charge(ChargeQuery(ORDER, ["user:1"], WINDOW, key))
            assert (reading.order, reading.request) == (None, None)
            assert reading.declines == {"user:1": 0}

    async def test_an_order_read_for_a_charge_is_guarded(self, storage: Storage) -> None:
        await storage.save(an_order())
        first, second = storage.begin(), storage.begin()
        for work in (first, second):
            assert (await work.read_charge(ChargeQuery(ORDER))).order == an_order()
            work.orders.save(claimed())
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()

    async def test_a_request_begins_with_the_other_changes_or_not_at_all(
        self, storage: Storage
    ) -> None:
        await storage.save(an_order())
        first, second = storage.begin(), storage.begin()
        for holder, work in (("one", first), ("two", second)):
            order = await work.orders.get(ORDER)
            assert order is not None
            work.orders.save(claimed())
            work.requests.begin(RequestKey(PAYER, holder), BODY, holder, LEASE)
        assert await known(storage, RequestKey(PAYER, "one")) is None
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()
        assert await known(storage, RequestKey(PAYER, "one")) is not None
        assert await known(storage, RequestKey(PAYER, "two")) is None

    async def test_a_key_that_is_taken_is_a_conflict_and_nothing_is_written(
        self, storage: Storage
    ) -> None:
        await begin(storage)
        for body in (BODY, OTHER_BODY):
            late = storage.begin()
            late.orders.save(claimed())
            late.requests.begin(KEY, body, "two", LEASE)
            with pytest.raises(Conflict):
                await late.commit()
        assert (await storage.begin().read_charge(ChargeQuery(ORDER))).order is None
        assert await known(storage) == KnownRequest(BODY, "one", is_leased=True)

    async def test_a_request_is_taken_over_when_its_lease_has_ended(self, storage: Storage) -> None:
        await begin(storage)
        await storage.elapse(LEASE)
        assert await known(storage) == KnownRequest(BODY, "one", is_leased=False)
        with pytest.raises(Conflict):
            await begin(storage, "two", OTHER_BODY)
        await begin(storage, "two")
        assert await known(storage) == KnownRequest(BODY, "two", is_leased=True)
        await end(storage, "one")  # too late: it is not the holder any more
        assert await known(storage) == KnownRequest(BODY, "two", is_leased=True)

    async def test_the_first_reply_is_final(self, storage: Storage) -> None:
        await begin(storage)
        for reply in (REPLY, StoredReply(500, b"later"), None):
            await end(storage, "one", reply)
        await storage.elapse(LEASE)
        assert await known(storage) == KnownRequest(BODY, "one", is_leased=False, reply=REPLY)
        with pytest.raises(Conflict):
            await begin(storage, "two")

    async def test_a_reply_is_stored_with_the_other_changes_or_not_at_all(
        self, storage: Storage
    ) -> None:
        await storage.save(an_order())
        await begin(storage)
        late = storage.begin()
        order = await late.orders.get(ORDER)
        assert order is not None
        await storage.save(an_order())
        late.orders.save(claimed())
        late.requests.finish(KEY, "one", REPLY)
        with pytest.raises(Conflict):
            await late.commit()
        assert await known(storage) == KnownRequest(BODY, "one", is_leased=True)

    async def test_a_request_may_begin_and_end_in_one_commit(self, storage: Storage) -> None:
        work = storage.begin()
        work.requests.begin(KEY, BODY, "one", LEASE)
        work.requests.finish(KEY, "one", REPLY)
        await work.commit()
        assert await known(storage) == KnownRequest(BODY, "one", is_leased=True, reply=REPLY)

    async def test_only_its_holder_releases_a_request(self, storage: Storage) -> None:
        await begin(storage)
        await end(storage, "two", None)
        assert await known(storage) == KnownRequest(BODY, "one", is_leased=True)
        await end(storage, "one", None)
        assert await known(storage) is None
        await end(storage, "one")
        assert await known(storage) is None
        await begin(storage, "two", OTHER_BODY)

    async def test_the_store_of_replies_has_the_same_requests(self, storage: Storage) -> None:
        await begin(storage)
        await end(storage, "one")
        assert await storage.idempotency_store.begin(KEY, BODY, LEASE) == REPLY
