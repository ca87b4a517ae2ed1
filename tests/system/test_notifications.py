"""Stripe's notices, signed by the double: early, late, twice, forged, and while we cannot listen."""

import asyncio

from tests.system.comparison import holds
from tests.system.shop import new_name, of_kind
from tests.system.site import Runtime
from tests.system.waiting import until

FORGERIES = ("wrong_secret", "tampered", "stale", "future", "unsigned", "malformed")


async def all_are_delivered(runtime: Runtime) -> None:
    """Wait until the double has got rid of every notice."""

    async def look() -> None:
        states = {each["state"] for each in await runtime.gateway.deliveries()}
        assert states == {"delivered"}, states

    await until(look)


async def test_notices_that_come_at_once_twice_and_out_of_order_change_nothing(
    runtime: Runtime,
) -> None:
    user = new_name("user")
    order_ids = [await runtime.order(user) for _ in range(5)]
    async with runtime.gateway.notifying(runtime.site.addresses[1], duplicate=3, reorder=True):
        answers = await asyncio.gather(
            *(runtime.customers.pay(order_id, user) for order_id in order_ids)
        )
        assert [answer.status for answer in answers] == [201] * 5
        await runtime.shop.cancel(order_ids[0])
        await holds(runtime, order_ids, answers)
        await all_are_delivered(runtime)
    await holds(runtime, order_ids, answers)
    heard = of_kind("payment:created", await runtime.shop.heard(order_ids))
    assert len(heard) == 5, "told once each"


async def test_a_notice_settles_a_payment_whose_answer_was_lost_long_before_anybody_looks(
    runtime: Runtime,
) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    for worker in runtime.site.worker:
        worker.pause()
    async with runtime.gateway.notifying(runtime.site.addresses[1]):
        await runtime.gateway.fail("reset_after")
        answer = await runtime.customers.pay(order_id, user)
        assert answer.status == 202, answer
        await runtime.becomes(answer.payment_id, user, "succeeded")
    for worker in runtime.site.worker:
        worker.resume()
    await holds(runtime, [order_id])


async def test_a_forged_notice_is_refused(runtime: Runtime) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    for worker in runtime.site.worker:
        worker.pause()  # so that nobody else tells
    async with runtime.gateway.notifying(runtime.site.addresses[0], paused=True):
        await runtime.gateway.fail("reset_after")
        answer = await runtime.customers.pay(order_id, user)
        notifications = [each["event"] for each in await runtime.gateway.deliveries()]
        assert notifications
        for forged in FORGERIES:
            told = await runtime.gateway.tell(
                "POST", "deliver", events=notifications, forged=forged
            )
            assert {each["statuses"][-1] for each in told["deliveries"]} == {400}, forged
        shown = await runtime.customers.show(answer.payment_id, user)
        assert shown.body["status"] == "processing", "nothing was believed"
        await runtime.gateway.tell("POST", "deliver", events=notifications)
        await runtime.becomes(answer.payment_id, user, "succeeded")
    for worker in runtime.site.worker:
        worker.resume()
    await holds(runtime, [order_id])


async def test_both_secrets_are_good_while_one_is_rotated(runtime: Runtime) -> None:
    user = new_name("user")
    rotating = runtime.site.new_serve(STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old")
    await asyncio.to_thread(rotating.start)
    address = runtime.site.addresses[-1]
    for secret in ("whsec_new", "whsec_old"):
        async with runtime.gateway.notifying(address, secret=secret):
            order_id = await runtime.order(user)
            paid = await runtime.customers.pay(order_id, user)
            await all_are_delivered(runtime)
            await holds(runtime, [order_id], [paid])


async def test_what_is_not_ours_is_heard_and_ignored(runtime: Runtime) -> None:
    async with runtime.gateway.notifying(runtime.site.addresses[0]):
        body = b"amount=500&currency=usd&source=tok_visa"
        await runtime.gateway.charge_by_hand(body)
        await all_are_delivered(runtime)


async def test_a_notice_that_cannot_be_kept_comes_again(runtime: Runtime) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    async with runtime.gateway.notifying(runtime.site.addresses[0], paused=True):
        paid = await runtime.customers.pay(order_id, user)
        runtime.site.serve_database.refuse()
        told = await runtime.gateway.tell("POST", "deliver")
        assert {each["statuses"][-1] for each in told["deliveries"]} == {503}
        runtime.site.serve_database.heal()
        again = [each["event"] for each in told["deliveries"]]
        told = await runtime.gateway.tell("POST", "deliver", events=again)
        assert {each["statuses"][-1] for each in told["deliveries"]} == {200}
    await holds(runtime, [order_id], [paid])
