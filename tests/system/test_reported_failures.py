"""Fifteen failures that users of other payment systems reported, each brought about on purpose.

The causes are real: killed and frozen processes, lost replies, a silent gateway. Each test ends
with the comparison of the gateway's ledger, our tables and what a consumer heard.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

from domain.payment import ABANDON_AFTER, CHECK_INTERVAL, PaymentStatus
from tests.system.comparison import holds
from tests.system.customers import Answer, NoAnswer
from tests.system.shop import new_name, of_kind
from tests.system.site import Runtime
from tests.system.waiting import KNOWN_WITHIN_SECONDS, until

OTHER_CARD = "pm_card_mastercard"

# The gateway did it, and its answer was lost in one of these ways.
DONE_BUT_UNTOLD = ("timeout_after", "reset_after", "status_after", "truncate", "garbage")

# The gateway did nothing, which cannot be told from the above.
UNDONE_AND_UNTOLD = ("timeout_before", "reset_before", "status_before")


async def unknown(runtime: Runtime, user: str, kinds: tuple[str, ...]) -> dict[str, Answer]:
    """Pay one order for each kind of fault, which it meets; the answer by the order's id."""
    paying = {}
    for kind in kinds:
        order_id = await runtime.order(user)
        await runtime.gateway.fail(kind)
        paying[order_id] = asyncio.create_task(runtime.customers.pay(order_id, user, replica=1))
        await runtime.gateway.struck(kind)
    answers = dict(zip(paying, await asyncio.gather(*paying.values()), strict=True))
    for answer in answers.values():
        assert (answer.status, answer.body["status"]) == (202, "processing"), answer
        assert answer.headers["Location"] == f"/api/payments/{answer.payment_id}"
    return answers


async def charge_requests(runtime: Runtime, order_id: str) -> list[str]:
    """The idempotency key of every request that could charge this order, as the gateway saw them."""
    recent = (await runtime.gateway.tell("GET", "requests"))["recent"]
    return [
        each["key"]
        for each in recent
        if each["method"] == "POST"
        and each["path"] in ("/v1/payment_intents", "/v1/charges")
        and f"'order_id': '{order_id}'" in str(each.get("params"))
    ]


async def eventually(runtime: Runtime, order_id: str, status: PaymentStatus) -> None:
    """Wait until the order's one payment is in this state."""

    async def look() -> None:
        assert [each.status for each in (await runtime.bill(order_id)).payments] == [status]

    await until(look)


def lose_the_charges_reply(runtime: Runtime) -> None:
    """Let the next reply to a charge be lost on its way."""
    runtime.site.serve_stripe.lose_replies(to=b"POST /v1/payment_intents ")


# --- 1 ----------------------------------------------------------------------------------------------


async def test_1_a_new_card_token_after_a_lost_answer_is_no_second_charge(runtime: Runtime) -> None:
    """pympp#155: the idempotency key contained the short-lived token."""
    user = new_name("user")
    order_id = await runtime.order(user)
    lose_the_charges_reply(runtime)
    first = await runtime.customers.pay(order_id, user, "tok_visa")
    again = await runtime.customers.pay(order_id, user, "tok_mastercard", replica=1)
    assert (first.status, again.status) == (202, 409), (first, again)
    await runtime.becomes(first.payment_id, user, "succeeded")
    late = await runtime.customers.pay(order_id, user, "tok_amex")
    assert late.status == 409, late
    await holds(runtime, [order_id])
    assert await charge_requests(runtime, order_id) == [first.payment_id]
    assert len(await runtime.gateway.charges(order_id)) == 1


# --- 2 ----------------------------------------------------------------------------------------------


async def test_2_fifty_posts_at_once_without_a_key_are_one_charge(runtime: Runtime) -> None:
    """console#3449: two or three charges."""
    user = new_name("user")
    order_id = await runtime.order(user)
    answers = await asyncio.gather(
        *(runtime.customers.pay(order_id, user, replica=number % 2) for number in range(50))
    )
    assert sorted({answer.status for answer in answers}) in ([201, 409], [201, 202, 409])
    assert [answer.status for answer in answers].count(201) == 1
    await holds(runtime, [order_id], answers)
    assert len(await charge_requests(runtime, order_id)) == 1


# --- 3 ----------------------------------------------------------------------------------------------


async def test_3_a_conflict_after_the_charge_does_not_charge_again(runtime: Runtime) -> None:
    """odoo#150102: a serialization conflict made the framework run the request again."""
    user = new_name("user")
    order_id = await runtime.order(user)
    await runtime.gateway.fail("slow", seconds=1.5)
    # The commit that settles is lost, too: it is a conflict as far as anybody knows.
    lost = runtime.site.serve_database.lost
    runtime.site.serve_database.lose_replies(to=b"succeeded")
    paying = asyncio.create_task(runtime.customers.pay(order_id, user))
    await runtime.gateway.struck("slow")
    for version in range(1, 10):  # each writes the bill that the charge has read
        await runtime.shop.order(user, order_id=order_id, version=version)
        await asyncio.sleep(0.1)
    paid = await paying
    assert paid.status == 201, paid
    await holds(runtime, [order_id], [paid])
    assert runtime.site.serve_database.lost == lost + 1
    assert await charge_requests(runtime, order_id) == [paid.payment_id]


# --- 4 ----------------------------------------------------------------------------------------------


async def test_4_a_charge_that_could_not_be_written_down_is_not_repeated(runtime: Runtime) -> None:
    """community-store#488: charged, then the insert failed, the customer tried again."""
    user = new_name("user")
    order_id = await runtime.order(user)
    await runtime.gateway.fail("slow", seconds=1)
    paying = asyncio.create_task(runtime.customers.pay(order_id, user))
    await runtime.gateway.struck("slow")
    runtime.site.serve_database.refuse()
    first = await paying
    assert (first.status, first.body["status"]) == (202, "processing"), first
    refused = await runtime.customers.pay(order_id, user, "tok_mastercard")
    assert refused.status == 503, refused
    runtime.site.serve_database.heal()
    again = await runtime.customers.pay(order_id, user, "tok_mastercard")
    assert again.status == 409, again
    await runtime.becomes(first.payment_id, user, "succeeded")
    await holds(runtime, [order_id])
    assert await charge_requests(runtime, order_id) == [first.payment_id]


async def test_4_a_crash_between_charge_and_settlement_is_not_repeated(runtime: Runtime) -> None:
    """The same, with SIGKILL as the cause."""
    user = new_name("user")
    order_id = await runtime.order(user)
    await runtime.gateway.fail("timeout_after")
    paying = asyncio.create_task(no_answer(lambda: runtime.customers.pay(order_id, user)))
    await runtime.gateway.struck("timeout_after")
    await asyncio.to_thread(runtime.site.serve[0].kill)
    assert await paying
    again = await runtime.customers.pay(order_id, user, "tok_mastercard", replica=1)
    assert again.status == 409, again
    await eventually(runtime, order_id, PaymentStatus.SUCCEEDED)
    await holds(runtime, [order_id])
    assert len(await charge_requests(runtime, order_id)) == 1


async def no_answer(pay: Callable[[], Awaitable[Answer]]) -> bool:
    """Whether the customer never hears what came of it."""
    try:
        await pay()
    except NoAnswer:
        return True
    return False


# --- 5, 6 -------------------------------------------------------------------------------------------


async def test_5_and_6_what_is_unknown_stays_so_however_often_nobody_answers(
    runtime: Runtime,
) -> None:
    """hyperswitch#2380: a pending attempt became failed after the last status retry.

    killbill#1015: a second payment was allowed while the first was unknown; both succeeded.
    """
    user = new_name("user")
    # The gateway takes the money each time, and tells nobody for longer than any wait of ours.
    await runtime.gateway.fail("status_before", "", method="GET", times=-1, status=503)
    silent_until = time.monotonic() + ABANDON_AFTER.total_seconds() + CHECK_INTERVAL.total_seconds()
    answers = await unknown(runtime, user, DONE_BUT_UNTOLD)
    while time.monotonic() < silent_until:
        for order_id in answers:
            again = await runtime.customers.pay(order_id, user, OTHER_CARD, replica=1)
            assert (again.status, again.error["code"]) == (409, "payment_under_way"), again
            assert again.body["payment"]["status"] == "processing"
        await asyncio.sleep(1)
    await runtime.gateway.heal()
    answers_again = time.monotonic()
    for answer in answers.values():
        await runtime.becomes(answer.payment_id, user, "succeeded")
    assert time.monotonic() - answers_again < KNOWN_WITHIN_SECONDS
    await holds(runtime, answers)
    for order_id, answer in answers.items():
        assert await charge_requests(runtime, order_id) == [answer.payment_id]
        assert len(await runtime.gateway.charges(order_id)) == 1


# --- 7 ----------------------------------------------------------------------------------------------


async def test_7_a_replica_that_sleeps_through_its_charge_changes_nothing(runtime: Runtime) -> None:
    """polar#13349: a lock that expired was taken as failure."""
    user = new_name("user")
    order_id = await runtime.order(user)
    await runtime.gateway.fail("slow", seconds=1)
    paying = asyncio.create_task(runtime.customers.pay(order_id, user))
    await runtime.gateway.struck("slow")
    runtime.site.serve[0].pause()
    # The others find out, settle and announce it; then the sleeper goes on where it was.
    await eventually(runtime, order_id, PaymentStatus.SUCCEEDED)
    again = await runtime.customers.pay(order_id, user, OTHER_CARD, replica=1)
    assert again.status == 409, again
    runtime.site.serve[0].resume()
    paid = await paying
    assert paid.status == 201, paid
    await holds(runtime, [order_id], [paid])
    assert len(of_kind("payment:created", await runtime.shop.heard([order_id]))) == 1
    assert await charge_requests(runtime, order_id) == [paid.payment_id]


async def test_7_a_replica_that_sleeps_before_its_charge_sends_none_any_more(
    runtime: Runtime,
) -> None:
    """The same, asleep until the order has been given free and paid by another attempt."""
    user = new_name("user")
    order_id = await runtime.order(user)
    await runtime.gateway.fail("slow", "/v1/payment_methods$", seconds=1)
    sleeping = asyncio.create_task(runtime.customers.pay(order_id, user, patience=90))
    await runtime.gateway.struck("slow")
    runtime.site.serve[0].pause()
    untold = await unknown(runtime, user, UNDONE_AND_UNTOLD)
    await eventually(runtime, order_id, PaymentStatus.ABANDONED)
    paid = await runtime.customers.pay(order_id, user, replica=1)
    assert paid.status == 201, paid
    runtime.site.serve[0].resume()
    answer = await sleeping
    assert answer.status == 503, answer
    await holds(runtime, [order_id], [paid, answer])
    assert await charge_requests(runtime, order_id) == [paid.payment_id]
    # What never reached the gateway has given its order free meanwhile, too.
    for order_id, answer in untold.items():
        await runtime.becomes(answer.payment_id, user, "abandoned")
        paid = await runtime.customers.pay(order_id, user)
        assert paid.status == 201, paid
        await holds(runtime, [order_id], [paid])
        assert len(await runtime.gateway.charges(order_id)) == 1


# --- 8 ----------------------------------------------------------------------------------------------


async def test_8_a_losers_failure_never_overwrites_a_success(runtime: Runtime) -> None:
    """spree#4499: "processing" was set in an uncommitted transaction."""
    user = new_name("user")
    order_ids = [await runtime.order(user) for _ in range(6)]
    answers: list[Answer] = []
    for order_id in order_ids:
        # A commit whose reply is lost, of whoever is first to try, at the worst moment.
        lost = runtime.site.serve_database.lost
        runtime.site.serve_database.lose_replies(to=b"processing")
        answers += await asyncio.gather(
            *(
                runtime.customers.pay(order_id, user, token, replica=number % 2)
                for number, token in enumerate(("tok_visa", "tok_chargeDeclined") * 3)
            )
        )
        assert runtime.site.serve_database.lost > lost
    assert {answer.status for answer in answers} <= {201, 402, 409}, answers
    await holds(runtime, order_ids, answers)
    for order_id in order_ids:
        assert len(await runtime.gateway.charges(order_id)) <= 1


# --- 9 ----------------------------------------------------------------------------------------------


async def test_9_request_notice_and_recovery_complete_a_payment_once(runtime: Runtime) -> None:
    """medusa#13301: request and webhook both completed the same payment."""
    user = new_name("user")
    order_ids = [await runtime.order(user) for _ in range(5)]
    async with runtime.gateway.notifying(runtime.site.addresses[1], duplicate=2):
        answers = await asyncio.gather(
            *(
                runtime.customers.pay(order_id, user, replica=number % 2)
                for number, order_id in enumerate(order_ids)
            )
        )
        await holds(runtime, order_ids, answers)
    assert [answer.status for answer in answers] == [201] * 5
    heard = of_kind("payment:created", await runtime.shop.heard(order_ids))
    assert len(heard) == 5
    [(events,)] = await runtime.rows(
        "SELECT count(*) FROM outbox WHERE order_id = ANY($1)", order_ids
    )
    assert events == 5


# --- 10 ---------------------------------------------------------------------------------------------


async def test_10_a_notice_that_overtakes_the_answer_is_not_lost(runtime: Runtime) -> None:
    """cargo#190: the webhook came before the local row, was answered 200 and lost."""
    user = new_name("user")
    order_id = await runtime.order(user)
    for worker in runtime.site.worker:
        worker.pause()  # so that nothing but the notice can tell
    async with runtime.gateway.notifying(runtime.site.addresses[1]):
        await runtime.gateway.fail("timeout_after")
        paying = asyncio.create_task(no_answer(lambda: runtime.customers.pay(order_id, user)))
        await runtime.gateway.struck("timeout_after")
        await eventually(runtime, order_id, PaymentStatus.SUCCEEDED)
        assert not paying.done(), "the notice was first"
        await asyncio.to_thread(runtime.site.serve[0].kill)
    assert await paying
    for worker in runtime.site.worker:
        worker.resume()
    await holds(runtime, [order_id])


# --- 11 ---------------------------------------------------------------------------------------------


async def test_11_the_late_failure_of_one_attempt_leaves_the_next_ones_success(
    runtime: Runtime,
) -> None:
    """stripe_official#79: a late `charge.failed` of attempt 1 undid attempt 2's success."""
    user = new_name("user")
    order_id = await runtime.order(user)
    async with runtime.gateway.notifying(runtime.site.addresses[1], paused=True):
        declined = await runtime.customers.pay(order_id, user, "tok_chargeDeclined")
        paid = await runtime.customers.pay(order_id, user)
        assert (declined.status, paid.status) == (402, 201)
        for order in ("last", "shuffled"):
            sent = [each["event"] for each in await runtime.gateway.deliveries()]
            told = await runtime.gateway.tell(
                "POST", "deliver", events=sent, order=order, duplicate=2
            )
            assert "charge.failed" in {each["type"] for each in told["deliveries"]}
            assert {each["statuses"][-1] for each in told["deliveries"]} == {200}
    await holds(runtime, [order_id], [declined, paid])


# --- 12 ---------------------------------------------------------------------------------------------


async def test_12_a_late_success_does_not_reopen_a_cancelled_order(runtime: Runtime) -> None:
    """mollie/WooCommerce#1252; here the money also goes back by itself, once."""
    user = new_name("user")
    order_id = await runtime.order(user)
    await runtime.gateway.fail("late", seconds=3)
    first = await runtime.customers.pay(order_id, user)
    assert first.status == 202, first
    await runtime.shop.cancel(order_id)

    async def money_went_back() -> None:
        assert len(await runtime.gateway.refunds(order_id)) == 1

    await until(money_went_back)
    found = await holds(runtime, [order_id])
    assert found.orders[0].order.is_cancelled
    assert of_kind("payment:created", await runtime.shop.heard([order_id])) == []
    again = await runtime.customers.pay(order_id, user)
    assert (again.status, again.error["code"]) == (400, "order_cancelled")


# --- 13 ---------------------------------------------------------------------------------------------


async def test_13_two_refunds_never_exceed_the_payment(runtime: Runtime) -> None:
    """hyperswitch#13182: two $60 refunds of $100, both succeeded."""
    user = new_name("user")
    order_ids = [await runtime.order(user, price=100) for _ in range(5)]
    answers = [await runtime.customers.pay(order_id, user) for order_id in order_ids]
    for answer in answers:
        lost = runtime.site.serve_database.lost
        runtime.site.serve_database.lose_replies(to=b"requested")
        refunds = await asyncio.gather(
            *(
                runtime.customers.refund(answer.payment_id, 6000, replica=number)
                for number in (0, 1)
            )
        )
        assert sorted(each.status for each in refunds) == [201, 400], refunds
        assert runtime.site.serve_database.lost > lost
    found = await holds(runtime, order_ids, answers)
    assert [refund.amount.minor_units for refund in found.refunds] == [6000] * 5


async def test_13_a_refund_whose_answer_was_lost_is_given_once(runtime: Runtime) -> None:
    """The same, with a lost reply as the cause; a notice tells before recovery would look."""
    user = new_name("user")
    order_id = await runtime.order(user, price=100)
    paid = await runtime.customers.pay(order_id, user)
    async with runtime.gateway.notifying(runtime.site.addresses[1], paused=True):
        runtime.site.serve_stripe.lose_replies(to=b"POST /v1/refunds ")
        refund = await runtime.customers.refund(paid.payment_id, 6000)
        assert (refund.status, refund.body["status"]) == (201, "pending"), refund
        too_much = await runtime.customers.refund(paid.payment_id, 6000, replica=1)
        assert too_much.status == 400, "what is unknown is reserved"
        await runtime.gateway.tell("POST", "deliver", duplicate=2)
        found = await holds(runtime, [order_id], [paid])
    assert [each.amount.minor_units for each in found.refunds] == [6000]


# --- 14 ---------------------------------------------------------------------------------------------


async def test_14_an_event_whose_sending_failed_is_not_taken_for_sent(runtime: Runtime) -> None:
    """hyperswitch#3408: row written, send failed, the next run took the row for sent."""
    user = new_name("user")
    order_ids = [await runtime.order(user) for _ in range(4)]
    answers = []
    # Never connected, cut in the middle, silent, and dead: each time the event has to leave later.
    find_alerts: list[tuple[Callable[[], object], Callable[[], object]]] = [
        (runtime.site.worker_nats.refuse, runtime.site.worker_nats.heal),
        (
            lambda: runtime.site.worker_nats.lose_replies(2, to=b"payment:created"),
            runtime.site.worker_nats.heal,
        ),
        (runtime.site.worker_nats.hold, runtime.site.worker_nats.heal),
        (runtime.site.nats.kill, runtime.site.nats.start),
    ]
    for order_id, (begin, end) in zip(order_ids, find_alerts, strict=True):
        await asyncio.to_thread(begin)
        answers.append(await runtime.customers.pay(order_id, user))
        await asyncio.sleep(0.5)  # time to try, and to fail
        await asyncio.to_thread(end)
    assert [answer.status for answer in answers] == [201] * 4
    await holds(runtime, order_ids, answers)


async def test_14_a_relay_killed_between_publishing_and_marking_sends_it_again(
    runtime: Runtime,
) -> None:
    """The same, with SIGKILL between the broker's word and ours."""
    user = new_name("user")
    order_id = await runtime.order(user)
    lost = runtime.site.worker_nats.lost
    runtime.site.worker_nats.lose_replies(to=b"payment:created")
    paid = await runtime.customers.pay(order_id, user)

    async def is_published() -> None:
        assert runtime.site.worker_nats.lost > lost

    await until(is_published)
    for worker in runtime.site.worker:
        await asyncio.to_thread(worker.kill)
    [(waiting,)] = await runtime.rows(
        "SELECT count(*) FROM outbox WHERE order_id = $1 AND sent_at IS NULL", order_id
    )
    assert waiting == 1, "it is not marked, as its storing was never confirmed"
    for worker in runtime.site.worker:
        worker.begin()

    async def is_marked() -> None:
        assert await runtime.rows(
            "SELECT 1 FROM outbox WHERE order_id = $1 AND sent_at IS NOT NULL", order_id
        )

    await until(is_marked)
    await holds(runtime, [order_id], [paid])
    assert len(await runtime.shop.heard([order_id])) == 1, "stored once, under one id"


# --- 15 ---------------------------------------------------------------------------------------------


async def test_15_every_currency_is_charged_in_its_own_units(runtime: Runtime) -> None:
    """Paymenter#1258, woocommerce-gateway-stripe#2720, woocommerce-payments#91.

    JPY × 100, KWD ÷ 10, 8.20 → 819.
    """
    user = new_name("user")
    answers, order_ids = [], []
    for price, currency, minor_units, at_stripe in (
        (500, "jpy", 500, 500),
        (1.23, "kwd", 1230, 1230),
        (8.2, "usd", 820, 820),
        (19.99, "eur", 1999, 1999),
        (1000000.01, "usd", 100000001, None),
        (4.35, "usd", 435, 435),
        (1.15, "gbp", 115, 115),
        (10000, "isk", 10000, 1000000),
    ):
        order_id = await runtime.order(user, price=price, currency=currency)
        order_ids.append(order_id)
        answer = await runtime.customers.pay(order_id, user)
        answers.append(answer)
        if at_stripe is None:
            assert answer.status == 402, "more than Stripe takes"
            continue
        assert answer.status == 201, answer
        assert (answer.body["amount"], answer.body["currency"]) == (minor_units, currency)
        [charge] = await runtime.gateway.charges(order_id)
        assert (charge["amount_captured"], charge["currency"]) == (at_stripe, currency)
    await holds(runtime, order_ids, answers)


async def test_15_a_price_that_cannot_be_expressed_is_never_rounded(runtime: Runtime) -> None:
    """It becomes a dead letter, and the order is not known."""
    user = new_name("user")
    bad = {
        new_name("order"): ticket
        for ticket in (
            {"id": "t", "price": 8.205},
            {"id": "t", "price": 0.5, "currency": "jpy"},
            {"id": "t", "price": -1},
            {"id": "t", "price": "10"},
        )
    }
    for order_id, ticket in bad.items():
        body = {"id": order_id, "version": 0, "status": "created", "userId": user, "ticket": ticket}
        await runtime.shop.publish("order:created", json.dumps(body).encode())

    async def all_are_buried() -> None:
        letters = await runtime.shop.messages("payments.dead-letters.>")
        for order_id in bad:
            assert any(order_id.encode() in letter.data for letter in letters)

    await until(all_are_buried)
    for order_id in bad:
        assert (await runtime.customers.pay(order_id, user)).status == 404
    await holds(runtime, list(bad))


async def test_15_what_the_gateway_took_must_be_what_we_asked_for(runtime: Runtime) -> None:
    """Another amount, currency or live mode than ours is never called paid."""
    user = new_name("user")
    lies = ({"amount_captured": 999}, {"currency": "eur"}, {"livemode": True})
    for lie in lies:
        order_id = await runtime.order(user)
        await runtime.gateway.tell("POST", "next_charge", status="succeeded", report=lie)
        answer = await runtime.customers.pay(order_id, user)
        assert (answer.status, answer.body["status"]) == (202, "review"), answer
        again = await runtime.customers.pay(order_id, user, replica=1)
        assert again.status == 409, again
        await holds(runtime, [order_id], [answer])
        assert of_kind("payment:created", await runtime.shop.heard([order_id])) == []
        assert len(await runtime.gateway.charges(order_id)) == 1
