"""The promises of an idempotency store."""

import asyncio
from datetime import timedelta

import pytest

from application.ports.idempotency_store import (
    IdempotencyKeyReused,
    IdempotencyStore,
    RequestInProgress,
    RequestKey,
    StoredReply,
)
from tests.builders import OTHER_USER, PAYER
from tests.contracts.storages import Elapse, Storage

KEY = RequestKey(PAYER, "8e03978e-40d5-43e8-bc93-6894a57f9324")
BODY = "fingerprint of a body"
OTHER_BODY = "fingerprint of another body"
LEASE = timedelta(minutes=10)
MOMENT = timedelta(minutes=5)
DAY = timedelta(hours=24)
REPLY = StoredReply(201, bytes(range(256)))


class IdempotencyStoreContract:
    """The promises of application/ports/idempotency_store.py."""

    @pytest.fixture
    def store(self, storage: Storage) -> IdempotencyStore:
        return storage.idempotency_store

    @pytest.fixture
    def elapse(self, storage: Storage) -> Elapse:
        return storage.elapse

    @pytest.mark.parametrize("reply", [REPLY, StoredReply(204, b"")])
    async def test_a_reply_is_repeated_byte_for_byte(
        self, store: IdempotencyStore, elapse: Elapse, reply: StoredReply
    ) -> None:
        assert await store.begin(KEY, BODY, LEASE) is None
        await store.finish(KEY, reply)
        assert await store.begin(KEY, BODY, LEASE) == reply
        await elapse(DAY)
        assert await store.begin(KEY, BODY, LEASE) == reply

    async def test_of_twenty_concurrent_requests_one_begins(self, store: IdempotencyStore) -> None:
        results = await asyncio.gather(
            *(store.begin(KEY, BODY, LEASE) for _ in range(20)), return_exceptions=True
        )
        assert results.count(None) == 1
        assert sum(isinstance(each, RequestInProgress) for each in results) == 19

    async def test_another_body_is_rejected_before_and_after_the_reply(
        self, store: IdempotencyStore, elapse: Elapse
    ) -> None:
        await store.begin(KEY, BODY, LEASE)
        for _ in range(2):
            with pytest.raises(IdempotencyKeyReused):
                await store.begin(KEY, OTHER_BODY, LEASE)
            await elapse(LEASE)
        assert await store.begin(KEY, BODY, LEASE) is None
        await store.finish(KEY, REPLY)
        with pytest.raises(IdempotencyKeyReused):
            await store.begin(KEY, OTHER_BODY, LEASE)

    async def test_a_request_without_a_reply_blocks_others_until_its_lease_ends(
        self, store: IdempotencyStore, elapse: Elapse
    ) -> None:
        await store.begin(KEY, BODY, LEASE)
        await elapse(LEASE - MOMENT)
        with pytest.raises(RequestInProgress):
            await store.begin(KEY, BODY, LEASE)
        await elapse(MOMENT)
        assert await store.begin(KEY, BODY, LEASE) is None
        with pytest.raises(RequestInProgress):
            await store.begin(KEY, BODY, LEASE)

    async def test_the_first_reply_is_final(self, store: IdempotencyStore) -> None:
        await store.begin(KEY, BODY, LEASE)
        await store.finish(KEY, REPLY)
        await store.finish(KEY, StoredReply(500, b"later"))
        await store.release(KEY)
        assert await store.begin(KEY, BODY, LEASE) == REPLY

    async def test_a_released_key_is_unknown(self, store: IdempotencyStore) -> None:
        await store.begin(KEY, BODY, LEASE)
        await store.release(KEY)
        await store.release(KEY)
        await store.finish(KEY, REPLY)
        assert await store.begin(KEY, OTHER_BODY, LEASE) is None

    async def test_keys_are_independent(self, store: IdempotencyStore) -> None:
        await store.begin(KEY, BODY, LEASE)
        await store.finish(KEY, REPLY)
        assert await store.begin(RequestKey(OTHER_USER, KEY.key), OTHER_BODY, LEASE) is None
        assert await store.begin(RequestKey(PAYER, "another"), OTHER_BODY, LEASE) is None

    async def test_old_keys_are_deleted(self, store: IdempotencyStore, elapse: Elapse) -> None:
        young = RequestKey(PAYER, "young")
        await store.begin(KEY, BODY, LEASE)
        await store.finish(KEY, REPLY)
        await elapse(DAY)
        await store.begin(young, BODY, LEASE)
        await store.finish(young, REPLY)
        await elapse(MOMENT)
        assert await store.delete_older_than(DAY) == 1
        assert await store.delete_older_than(DAY) == 0
        assert await store.begin(KEY, BODY, LEASE) is None
        assert await store.begin(young, BODY, LEASE) == REPLY
