"""The contract on the other gateways: Stripe's charges, as in the seed, and the fake one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.system.comparison import holds
from tests.system.shop import new_name, of_kind
from tests.system.site import Runtime, Site, around
from tests.system.waiting import until


@pytest.fixture(scope="module")
def charges_site(logs: Path) -> Iterator[Site]:
    """One `serve` and one `worker` on Stripe's charges."""
    with Site(gateway="stripe-charges", serves=1, workers=1, keep_logs=logs) as site:
        yield site


@pytest.fixture(scope="module")
def fake_site(logs: Path) -> Iterator[Site]:
    """One `serve` and one `worker` on the fake gateway."""
    with Site(gateway="fake", serves=1, workers=1, keep_logs=logs) as site:
        yield site


@pytest.fixture
async def charges(charges_site: Site) -> AsyncIterator[Runtime]:
    async with around(charges_site) as runtime:
        yield runtime
        await runtime.gateway.heal()


@pytest.fixture
async def fake(fake_site: Site) -> AsyncIterator[Runtime]:
    async with around(fake_site) as runtime:
        yield runtime


async def pay_decline_and_cancel(runtime: Runtime) -> None:
    """The ordinary life of some orders."""
    user = new_name("user")
    paid, declined, cancelled = [await runtime.order(user, price=19.99) for _ in range(3)]
    answers = [
        await runtime.customers.pay(paid, user),
        await runtime.customers.pay(paid, user),
        await runtime.customers.pay(declined, user, "tok_chargeDeclinedExpiredCard"),
        await runtime.customers.pay(declined, user, "tok_mastercard"),
        await runtime.customers.pay(cancelled, user),
    ]
    assert [answer.status for answer in answers] == [201, 409, 402, 201, 201], answers
    assert answers[2].error["code"] == "expired_card"
    part = await runtime.customers.refund(answers[0].payment_id, 999)
    assert part.status == 201, part
    await runtime.shop.cancel(cancelled)

    async def is_cancelled() -> None:
        assert (await runtime.bill(cancelled)).order.is_cancelled

    await until(is_cancelled)
    found = await holds(runtime, [paid, declined, cancelled], answers)
    assert sorted(refund.amount.minor_units for refund in found.refunds) == [999, 1999]
    assert len(found.charges) == 3
    heard = await runtime.shop.heard([paid, declined, cancelled])
    assert len(of_kind("payment:created", heard)) == 3
    assert len(of_kind("payment:refunded", heard)) == 2
    assert len(of_kind("payment:failed", heard)) == 1


async def test_orders_are_paid_declined_and_cancelled_with_charges(charges: Runtime) -> None:
    await pay_decline_and_cancel(charges)


async def test_orders_are_paid_declined_and_cancelled_with_the_fake(fake: Runtime) -> None:
    await pay_decline_and_cancel(fake)


async def test_an_unknown_outcome_of_a_charge_is_found_out(charges: Runtime) -> None:
    user = new_name("user")
    answers = {}
    for kind in ("reset_after", "status_after", "truncate", "garbage"):
        order_id = await charges.order(user)
        await charges.gateway.fail(kind)
        answers[order_id] = await charges.customers.pay(order_id, user)
        assert answers[order_id].status == 202, answers[order_id]
    for answer in answers.values():
        await charges.becomes(answer.payment_id, user, "succeeded")
    await holds(charges, answers)


async def test_a_late_failure_of_a_charge_never_touches_a_later_success(charges: Runtime) -> None:
    user = new_name("user")
    order_id = await charges.order(user)
    async with charges.gateway.notifying(charges.site.addresses[0], paused=True):
        declined = await charges.customers.pay(order_id, user, "tok_chargeDeclined")
        paid = await charges.customers.pay(order_id, user)
        assert (declined.status, paid.status) == (402, 201)
        told = await charges.gateway.tell("POST", "deliver", order="last", duplicate=2)
        assert {each["type"] for each in told["deliveries"]} == {
            "charge.failed",
            "charge.succeeded",
        }
        assert {each["statuses"][-1] for each in told["deliveries"]} == {200}
    await holds(charges, [order_id], [declined, paid])


async def test_the_fake_gateway_knows_3d_secure(fake: Runtime) -> None:
    user = new_name("user")
    order_id = await fake.order(user)
    answer = await fake.customers.pay(order_id, user, "tok_threeDSecureRequired")
    assert (answer.status, answer.body["status"]) == (202, "requires_action"), answer
    await fake.shop.cancel(order_id)
    await holds(fake, [order_id])


async def test_streams_that_exist_already_are_used_as_they_are(logs: Path) -> None:
    with Site(serves=1, workers=0, keep_logs=logs) as site:
        async with around(site) as runtime:
            jetstream = (await runtime.shop.client()).jetstream()
            await jetstream.add_stream(name="shop", subjects=["order:created", "order:cancelled"])
            await jetstream.add_stream(name="money", subjects=["payment:created"])
            worker = site.new_worker()
            await asyncio.to_thread(worker.start)
            user = new_name("user")
            order_id = await runtime.order(user)
            paid = await runtime.customers.pay(order_id, user)
            assert paid.status == 201, paid

            async def is_told() -> None:
                assert (await jetstream.stream_info("money")).state.messages == 1

            await until(is_told)
            assert (await jetstream.stream_info("money")).config.subjects == ["payment:created"]
            assert await jetstream.find_stream_name_by_subject("order:created") == "shop"
            await holds(runtime, [order_id], [paid])
