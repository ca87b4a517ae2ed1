"""Stripe's notices, signed by the double: early, late, twice, forged, and while we cannot listen."""

import asyncio

from tests.system.comparison import holds
from tests.system.shop import new_name, of_kind
from tests.system.site import Parts
from tests.system.waiting import until

FORGERIES = ("wrong_secret", "tampered", "stale", "future", "unsigned", "malformed")


async def all_are_delivered(parts: Parts) -> None:
    """Wait until the double has got rid of every notice."""

    async def look() -> None:
        states = {each["state"] for each in await parts.gateway.deliveries()}
        assert states == {"delivered"}, states

    await until(look)


async def test_notices_that_come_at_once_twice_and_out_of_order_change_nothing(
    parts: Parts,
) -> None:
    user = new_name("user")
    order_ids = [await parts.order(user) for _ in range(5)]
    async with parts.gateway.notifying(parts.site.addresses[1], duplicate=3, reorder=True):
        answers = await asyncio.gather(
            *(parts.customers.pay(order_id, user) for order_id in order_ids)
        )
        assert [answer.status for answer in answers] == [201] * 5
        await parts.shop.cancel(order_ids[0])
        await holds(parts, order_ids, answers)
        await all_are_delivered(parts)
    await holds(parts, order_ids, answers)
    heard = of_kind("payment:created", await parts.shop.heard(order_ids))
    assert len(heard) == 5, "told once each"


async def test_a_notice_settles_a_payment_whose_answer_was_lost_long_before_anybody_looks(
    parts: Parts,
) -> None:
    user = new_name("user")
    order_id = await parts.order(user)
    for worker in parts.site.worker:
        worker.pause()
    async with parts.gateway.notifying(parts.site.addresses[1]):
        await parts.gateway.fail("reset_after")
        answer = await parts.customers.pay(order_id, user)
        assert answer.status == 202, answer
        await parts.becomes(answer.payment_id, user, "succeeded")
    for worker in parts.site.worker:
        worker.resume()
    await holds(parts, [order_id])


async def test_a_forged_notice_is_refused(parts: Parts) -> None:
    user = new_name("user")
    order_id = await parts.order(user)
    for worker in parts.site.worker:
        worker.pause()  # so that nobody else tells
    async with parts.gateway.notifying(parts.site.addresses[0], paused=True):
        await parts.gateway.fail("reset_after")
        answer = await parts.customers.pay(order_id, user)
        notices = [each["event"] for each in await parts.gateway.deliveries()]
        assert notices
        for forged in FORGERIES:
            told = await parts.gateway.tell("POST", "deliver", events=notices, forged=forged)
            assert {each["statuses"][-1] for each in told["deliveries"]} == {400}, forged
        shown = await parts.customers.show(answer.payment_id, user)
        assert shown.body["status"] == "processing", "nothing was believed"
        await parts.gateway.tell("POST", "deliver", events=notices)
        await parts.becomes(answer.payment_id, user, "succeeded")
    for worker in parts.site.worker:
        worker.resume()
    await holds(parts, [order_id])


async def test_both_secrets_are_good_while_one_is_rotated(parts: Parts) -> None:
    user = new_name("user")
    rotating = parts.site.new_serve(STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old")
    await asyncio.to_thread(rotating.start)
    address = parts.site.addresses[-1]
    for secret in ("whsec_new", "whsec_old"):
        async with parts.gateway.notifying(address, secret=secret):
            order_id = await parts.order(user)
            paid = await parts.customers.pay(order_id, user)
            await all_are_delivered(parts)
            await holds(parts, [order_id], [paid])


async def test_what_is_not_ours_is_heard_and_ignored(parts: Parts) -> None:
    async with parts.gateway.notifying(parts.site.addresses[0]):
        body = b"amount=500&currency=usd&source=tok_visa"
        await parts.gateway.charge_by_hand(body)
        await all_are_delivered(parts)


async def test_a_notice_that_cannot_be_kept_comes_again(parts: Parts) -> None:
    user = new_name("user")
    order_id = await parts.order(user)
    async with parts.gateway.notifying(parts.site.addresses[0], paused=True):
        paid = await parts.customers.pay(order_id, user)
        parts.site.serve_database.refuse()
        told = await parts.gateway.tell("POST", "deliver")
        assert {each["statuses"][-1] for each in told["deliveries"]} == {503}
        parts.site.serve_database.heal()
        again = [each["event"] for each in told["deliveries"]]
        told = await parts.gateway.tell("POST", "deliver", events=again)
        assert {each["statuses"][-1] for each in told["deliveries"]} == {200}
    await holds(parts, [order_id], [paid])
