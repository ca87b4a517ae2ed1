"""What everyone who keeps answers by idempotency key promises."""

import asyncio
from datetime import timedelta

import pytest

from application.ports.idempotency_store import (
    Answer,
    IdempotencyKeyReused,
    IdempotencyStore,
    RequestInProgress,
    RequestKey,
)
from tests.builders import PAYER, STRANGER
from tests.contracts.elapsing import Elapse

KEY = RequestKey(PAYER, "8e03978e-40d5-43e8-bc93-6894a57f9324")
BODY = "fingerprint of a body"
LEASE = timedelta(seconds=60)
MOMENT = timedelta(seconds=1)
ANSWER = Answer(201, bytes(range(256)))


class AnswersContract:
    """A subclass says where the answers are kept, and how time goes by there."""

    @pytest.fixture
    def answers(self) -> IdempotencyStore:
        raise NotImplementedError

    @pytest.fixture
    def elapse(self) -> Elapse:
        raise NotImplementedError

    async def test_the_first_request_goes_ahead(self, answers: IdempotencyStore) -> None:
        assert await answers.begin(KEY, BODY, LEASE) is None

    async def test_an_answer_is_given_again_byte_for_byte(self, answers: IdempotencyStore) -> None:
        await answers.begin(KEY, BODY, LEASE)
        await answers.finish(KEY, ANSWER)
        for _ in range(2):
            assert await answers.begin(KEY, BODY, LEASE) == ANSWER

    async def test_an_empty_answer_is_an_answer(self, answers: IdempotencyStore) -> None:
        await answers.begin(KEY, BODY, LEASE)
        await answers.finish(KEY, Answer(204, b""))
        assert await answers.begin(KEY, BODY, LEASE) == Answer(204, b"")

    async def test_an_answer_outlives_the_lease(
        self, answers: IdempotencyStore, elapse: Elapse
    ) -> None:
        await answers.begin(KEY, BODY, LEASE)
        await answers.finish(KEY, ANSWER)
        await elapse(timedelta(hours=24))
        assert await answers.begin(KEY, BODY, LEASE) == ANSWER

    async def test_a_request_waits_for_the_first_one(self, answers: IdempotencyStore) -> None:
        await answers.begin(KEY, BODY, LEASE)
        with pytest.raises(RequestInProgress):
            await answers.begin(KEY, BODY, LEASE)

    async def test_of_twenty_requests_at_once_one_goes_ahead(
        self, answers: IdempotencyStore
    ) -> None:
        begun = await asyncio.gather(
            *(answers.begin(KEY, BODY, LEASE) for _ in range(20)), return_exceptions=True
        )
        assert begun.count(None) == 1
        assert sum(isinstance(each, RequestInProgress) for each in begun) == 19

    async def test_another_body_is_refused_whatever_became_of_the_first(
        self, answers: IdempotencyStore, elapse: Elapse
    ) -> None:
        await answers.begin(KEY, BODY, LEASE)
        for _ in range(2):
            with pytest.raises(IdempotencyKeyReused):
                await answers.begin(KEY, "another", LEASE)
            await elapse(LEASE)
        assert await answers.begin(KEY, BODY, LEASE) is None
        await answers.finish(KEY, ANSWER)
        with pytest.raises(IdempotencyKeyReused):
            await answers.begin(KEY, "another", LEASE)

    async def test_a_request_that_died_holds_nobody_up_for_longer_than_its_lease(
        self, answers: IdempotencyStore, elapse: Elapse
    ) -> None:
        await answers.begin(KEY, BODY, LEASE)
        await elapse(LEASE - MOMENT)
        with pytest.raises(RequestInProgress):
            await answers.begin(KEY, BODY, LEASE)
        await elapse(MOMENT)
        assert await answers.begin(KEY, BODY, LEASE) is None
        with pytest.raises(RequestInProgress):
            await answers.begin(KEY, BODY, LEASE)

    async def test_the_first_answer_stays(self, answers: IdempotencyStore) -> None:
        await answers.begin(KEY, BODY, LEASE)
        await answers.finish(KEY, ANSWER)
        await answers.finish(KEY, Answer(500, b"later"))
        await answers.release(KEY)
        assert await answers.begin(KEY, BODY, LEASE) == ANSWER

    async def test_a_released_key_is_as_good_as_new(self, answers: IdempotencyStore) -> None:
        await answers.begin(KEY, BODY, LEASE)
        await answers.release(KEY)
        await answers.release(KEY)
        assert await answers.begin(KEY, "another", LEASE) is None

    async def test_an_answer_to_a_forgotten_request_is_kept_nowhere(
        self, answers: IdempotencyStore
    ) -> None:
        await answers.finish(KEY, ANSWER)
        assert await answers.begin(KEY, BODY, LEASE) is None

    async def test_keys_have_nothing_to_do_with_one_another(
        self, answers: IdempotencyStore
    ) -> None:
        await answers.begin(KEY, BODY, LEASE)
        await answers.finish(KEY, ANSWER)
        assert await answers.begin(RequestKey(STRANGER, KEY.key), "another", LEASE) is None
        assert await answers.begin(RequestKey(PAYER, "another"), "another", LEASE) is None

    async def test_what_is_old_is_forgotten(
        self, answers: IdempotencyStore, elapse: Elapse
    ) -> None:
        await answers.begin(KEY, BODY, LEASE)
        await answers.finish(KEY, ANSWER)
        await elapse(timedelta(hours=24))
        young = RequestKey(PAYER, "young")
        await answers.begin(young, BODY, LEASE)
        await answers.finish(young, ANSWER)
        await elapse(MOMENT)
        assert await answers.forget(timedelta(hours=24)) == 1
        assert await answers.forget(timedelta(hours=24)) == 0
        assert await answers.begin(KEY, BODY, LEASE) is None
        assert await answers.begin(young, BODY, LEASE) == ANSWER
