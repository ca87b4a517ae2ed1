"""KeyedRequest: a request with an idempotency key is executed once, and its reply is repeated."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.ports.idempotency_store import (
    IdempotencyKeyReused,
    RequestInProgress,
    RequestKey,
    RequestRepeated,
    StoredReply,
)
from application.ports.payment_gateway import CardToken, GatewayUnavailable
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.pay_order import REQUEST_LEASE, ChargeResult, KeyedRequest, PayOrder
from domain.claim import AlreadyPaid, PaymentInProgress
from domain.identifiers import PaymentId
from domain.payment_status import PaymentStatus
from tests.builders import ORDER, PAYER
from tests.checkpoints import FailAt, proceed
from tests.world import AUTHENTICATING, DECLINED, VISA, World

FAILED = PaymentStatus.FAILED
FINAL = {
    PaymentStatus.SUCCEEDED: 201,
    PaymentStatus.FAILED: 402,
    PaymentStatus.REQUIRES_ACTION: 202,
}


def reply_to(result: ChargeResult | AlreadyPaid) -> StoredReply | None:
    """Return a reply like that of the HTTP service."""
    if isinstance(result, AlreadyPaid):
        return StoredReply(409, b"paid")
    status = FINAL.get(result.payment.status)
    words = f"{result.payment.id} {result.is_new} {result.is_refused}"
    return None if status is None else StoredReply(status, words.encode())


def command(key: str = "key-1", body: str = "body", token: CardToken = VISA) -> PayOrder:
    request = KeyedRequest(RequestKey(PAYER, key), body, reply_to)
    return PayOrder(ORDER, PAYER, token, request=request)


async def pay(world: World, what: PayOrder | None = None) -> ChargeResult:
    return await world.use_cases().create_charge(what or command())


async def reply(world: World, what: PayOrder | None = None) -> StoredReply:
    with pytest.raises(RequestRepeated) as repeated:
        await pay(world, what)
    return repeated.value.reply


@pytest.mark.parametrize("token", [VISA, DECLINED, AUTHENTICATING], ids=lambda each: each.value)
async def test_a_repeated_request_gets_the_first_reply_and_charges_nothing(
    world: World, token: CardToken
) -> None:
    await world.create_order()
    result = await pay(world, command(token=token))
    assert await reply(world, command(token=token)) == reply_to(result)
    assert result.is_new
    assert not result.is_refused
    assert world.steps.count("charge") == 1


async def test_the_refusal_of_the_shop_is_in_the_reply(world: World) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REFUSED)
    result = await pay(world)
    assert result.is_refused
    assert await reply(world) == reply_to(result)


async def test_another_request_may_not_have_the_same_key(world: World) -> None:
    await world.create_order()
    await pay(world)
    with pytest.raises(IdempotencyKeyReused):
        await pay(world, command(body="another"))


async def test_a_request_that_is_executed_is_not_executed_again_for_a_minute(world: World) -> None:
    await world.create_order()

    async def repeat(step: str) -> None:
        if step == "charge":
            world.checkpoint = proceed
            with pytest.raises(RequestInProgress):
                await pay(world)
            world.advance(seconds=REQUEST_LEASE.total_seconds())
            with pytest.raises(PaymentInProgress):
                await pay(world)

    world.checkpoint = repeat
    assert (await pay(world)).payment.status is PaymentStatus.SUCCEEDED
    assert timedelta(minutes=1) == REQUEST_LEASE


@pytest.mark.parametrize(("step", "commits"), [("commit", 4), ("committed", 3)])
async def test_its_own_claim_is_no_obstacle_and_is_not_written_again(
    world: World, step: str, commits: int
) -> None:
    await world.create_order()
    world.checkpoint = FailAt(0, Conflict("the confirmation is lost"), {step})
    assert (await pay(world)).payment.status is PaymentStatus.SUCCEEDED
    assert len(world.order().payments) == 1
    assert world.steps.count("commit") == commits


async def test_the_key_is_free_again_if_nothing_was_sent(world: World) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.UNREACHABLE)
    with pytest.raises(GatewayUnavailable):
        await pay(world)
    assert (await pay(world, command(body="another"))).payment.status is PaymentStatus.SUCCEEDED


async def test_the_key_is_free_again_if_the_books_were_lost_after_the_claim() -> None:
    world = World(gateway_type=InMemoryGateway)
    await world.create_order()

    async def lose_connections(step: str) -> None:
        if step == "committed":
            world.database.copy += 1

    world.checkpoint = lose_connections
    with pytest.raises(GatewayUnavailable):
        await pay(world)
    world.checkpoint = proceed
    assert (await pay(world, command(body="another"))).payment.status is PaymentStatus.SUCCEEDED


async def test_an_unknown_outcome_has_no_reply_yet(world: World) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    result = await pay(world)
    assert result.payment.status is PaymentStatus.PROCESSING
    with pytest.raises(RequestInProgress):
        await pay(world)


@pytest.mark.parametrize("changes", [{"holder": "earlier"}, {"fingerprint": "another"}])
async def test_a_request_that_may_have_charged_is_not_refused_for_an_earlier_one(
    world: World, changes: Any
) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)

    async def lose_the_request(step: str) -> None:
        if step == "charge":
            keys = world.database.idempotency_keys
            keys.update({key: evolve(record, **changes) for key, record in keys.items()})

    world.checkpoint = lose_the_request
    request = KeyedRequest(RequestKey(PAYER, "key-1"), "body", lambda _: StoredReply(202, b""))
    result = await pay(world, PayOrder(ORDER, PAYER, VISA, request=request))
    assert result.payment == world.payment()


async def test_that_an_order_is_paid_already_is_a_final_reply(world: World) -> None:
    await world.create_order()
    await world.pay()
    with pytest.raises(AlreadyPaid):
        await pay(world)
    assert (await reply(world)).status == 409


async def test_what_the_customer_does_next_is_a_final_reply_to_a_later_request(
    world: World,
) -> None:
    await world.create_order()
    await world.pay(AUTHENTICATING)
    await world.gateway.complete_authentication(world.payment().id, succeeded=True)
    result = await pay(world)
    assert (result.payment.status, result.is_new) == (PaymentStatus.SUCCEEDED, False)
    assert await reply(world) == reply_to(result)


async def test_a_reply_that_cannot_be_stored_is_given_nevertheless(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.create_order()
    await world.pay()
    world.checkpoint = FailAt(0, StorageUnavailable("down"), {"commit"})
    with pytest.raises(AlreadyPaid):
        await pay(world)
    assert "reply not stored" in caplog.text
    world.checkpoint = FailAt(0, Conflict("the confirmation is lost"), {"committed"})
    with pytest.raises(RequestRepeated):
        await pay(world)
    assert (await reply(world)).status == 409


async def test_that_an_order_is_paid_is_told_without_its_payment_if_it_is_of_another_payer(
    world: World,
) -> None:
    await world.create_order()
    world.checkpoint = FailAt(0, StorageUnavailable("down"), {"commit"})
    await world.use_cases().create_charge.store_reply(command(), AlreadyPaid(ORDER, None))
    assert (await pay(world)).payment.status is PaymentStatus.SUCCEEDED


async def test_a_success_whose_reply_cannot_be_stored_is_told_nevertheless(world: World) -> None:
    await world.create_order()
    await world.pay(AUTHENTICATING)
    await world.gateway.complete_authentication(world.payment().id, succeeded=True)
    world.checkpoint = FailAt(1, StorageUnavailable("down"), {"commit"})
    assert (await pay(world)).payment.status is PaymentStatus.SUCCEEDED
    with pytest.raises(AlreadyPaid):
        await pay(world)
    assert (await reply(world)).status == 409


async def test_a_decline_whose_reply_cannot_be_stored_is_not_told(world: World) -> None:
    await world.create_order()
    await world.pay(AUTHENTICATING)
    await world.gateway.complete_authentication(world.payment().id, succeeded=False)
    world.checkpoint = FailAt(1, StorageUnavailable("down"), {"commit"})
    with pytest.raises(StorageUnavailable):
        await pay(world)
    assert world.payment().status is PaymentStatus.FAILED
    assert (await pay(world)).payment.status is PaymentStatus.SUCCEEDED
    assert (await reply(world)).status == 201


async def test_an_outcome_that_cannot_be_stored_is_in_progress(world: World) -> None:
    await world.create_order()
    world.checkpoint = FailAt(1, StorageUnavailable("down"), {"commit"})
    assert (await pay(world)).payment.status is PaymentStatus.PROCESSING
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.SUCCEEDED


async def test_a_reply_whose_confirmation_is_lost_is_told(world: World) -> None:
    await world.create_order()
    world.checkpoint = FailAt(1, Conflict("the confirmation is lost"), {"committed"})
    result = await pay(world)
    assert (result.payment.status, result.is_new) == (PaymentStatus.SUCCEEDED, True)
    assert await reply(world) == reply_to(result)


@pytest.mark.parametrize("is_readable", [True, False])
async def test_no_other_reply_is_told_than_is_stored(world: World, is_readable: bool) -> None:
    await world.create_order()
    what = command(token=AUTHENTICATING)

    async def settle_meanwhile(step: str) -> None:
        if step == "committed" and world.payment().status is PaymentStatus.REQUIRES_ACTION:
            world.checkpoint = proceed if is_readable else fail_later
            await world.gateway.complete_authentication(world.payment().id, succeeded=True)
            await world.deliver_notifications()
            raise Conflict("the confirmation is lost")

    async def fail_later(step: str) -> None:
        if step == "read charge" and world.payment().status is PaymentStatus.SUCCEEDED:
            raise StorageUnavailable("down")

    world.checkpoint = settle_meanwhile
    if is_readable:
        assert (await reply(world, what)).status == 202
    else:
        assert (await pay(world, what)).payment.status is PaymentStatus.PROCESSING
    world.checkpoint = proceed
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert (await reply(world, what)).status == 202


async def test_only_a_reply_that_is_stored_for_its_payment_is_compared(world: World) -> None:
    await world.create_order()
    compare = world.use_cases().create_charge.store_reply.compare

    async def compare_early(step: str) -> None:
        if step == "charge":
            world.checkpoint = proceed
            await compare(command(), ChargeResult(evolve(world.payment(), status=FAILED)))

    world.checkpoint = compare_early
    failed = evolve((await pay(world)).payment, status=FAILED)
    await compare(command(), ChargeResult(evolve(failed, id=PaymentId("another"))))
    with pytest.raises(RequestRepeated):
        await compare(command(), ChargeResult(failed))


async def test_a_request_with_a_key_takes_no_read_more(world: World) -> None:
    await world.create_order()
    process = world.use_cases()
    await process.books_guards.default.run_once()
    world.steps.clear()
    await process.create_charge(command())
    assert world.steps.count("read charge") == 1
