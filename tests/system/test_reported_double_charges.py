"""Failures 1 to 8 that users of other payment systems reported: charged twice, or wrongly not paid.

Each test causes the failure as it happens in production: processes are killed and suspended,
replies are lost, the gateway does not respond.
"""

import asyncio

import pytest

from adapters.persistence.sql.tables import payments
from domain.check_times import ABANDON_AFTER, CHECK_INTERVAL
from domain.payment_status import PaymentStatus
from tests.system.api_client import NoResponse, Response
from tests.system.comparison import assert_promises_kept
from tests.system.stripe_control import HELD
from tests.system.system import System
from tests.system.waiting import KNOWN_WITHIN_SECONDS, eventually

OTHER_CARD = "pm_card_mastercard"

# The gateway charged, and its reply is lost in one of these ways.
CHARGED_WITHOUT_REPLY = ("timeout_after", "reset_after", "status_after", "truncate", "garbage")

# The gateway did not charge; we cannot distinguish that from the above.
NOT_CHARGED_WITHOUT_REPLY = ("timeout_before", "reset_before", "status_before")


async def pay_with_unknown_outcome(system: System, faults: tuple[str, ...]) -> dict[str, Response]:
    """Pay one order for each fault; return the responses by order id."""
    requests = {}
    for fault in faults:
        order_id = await system.create_order()
        requests[order_id] = await system.begin_payment(order_id, {"kind": fault}, serve=1)
    responses = dict(zip(requests, await asyncio.gather(*requests.values()), strict=True))
    for response in responses.values():
        assert (response.status, response.body["status"]) == (202, "processing"), response
        assert response.headers["Location"] == f"/api/payments/{response.payment_id}"
    return responses


async def check_again_later(system: System, order_ids: list[str]) -> None:
    """Wait until the gateway has failed a check of each payment that is old enough to be abandoned.

    The payments are made older in the database, as the real age would take 35 s.
    """
    failed = (await system.stripe.fault_counts()).get("status_before", 0)
    await system.query(
        "UPDATE payments SET created_at = created_at - $2 * interval '1 second',"
        f" {payments.c.next_check_at.name} = now() WHERE order_id = ANY($1)",
        order_ids,
        (ABANDON_AFTER + CHECK_INTERVAL).total_seconds(),
    )

    async def have_failed() -> None:
        counts = await system.stripe.fault_counts()
        assert counts.get("status_before", 0) >= failed + len(order_ids), counts

    await eventually(have_failed)


async def test_1_a_new_card_token_after_a_lost_reply_does_not_charge_again(system: System) -> None:
    """pympp#155: the idempotency key contained the short-lived card token."""
    order_id = await system.create_order()
    system.deployment.serve_stripe.drop_replies(to=b"POST /v1/payment_intents ")
    unknown = await system.api.pay(order_id, "tok_visa")
    blocked = await system.api.pay(order_id, "tok_mastercard", serve=1)
    assert (unknown.status, blocked.status) == (202, 409), (unknown, blocked)
    await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    late = await system.api.pay(order_id, "tok_amex")
    assert late.status == 409, late
    await assert_promises_kept(system, [order_id], [blocked, late])
    assert await system.stripe.charge_keys(order_id) == [unknown.payment_id]
    assert len(await system.stripe.charges(order_id)) == 1


async def test_2_fifty_concurrent_requests_at_two_processes_charge_once(system: System) -> None:
    """console#3449: fifty requests caused two or three charges."""
    order_ids = [await system.create_order() for _ in range(10)]
    responses: list[Response] = []
    for order_id in order_ids:
        concurrent = await asyncio.gather(
            *(system.api.pay(order_id, serve=number % 2) for number in range(50))
        )
        statuses = [response.status for response in concurrent]
        # A busy machine answers with 503 when all places of its pool stay taken.
        assert set(statuses) <= {201, 409, 503}, concurrent
        assert statuses.count(201) <= 1, concurrent
        responses += concurrent
        responses.append(await system.api.pay(order_id))
        assert responses[-1].status == (409 if 201 in statuses else 201), responses[-1]
    await assert_promises_kept(system, order_ids, responses)
    for order_id in order_ids:
        assert len(await system.stripe.charge_keys(order_id)) == 1


async def test_3_a_conflict_after_the_charge_does_not_charge_again(system: System) -> None:
    """odoo#150102: after a serialization conflict, the framework repeated the whole request."""
    order_id = await system.create_order()
    database = system.deployment.serve_database
    # The reply to the commit of the settlement is lost, too, which looks like a conflict.
    dropped = database.dropped
    database.drop_replies(to=b"succeeded")
    paying = await system.begin_payment(order_id, HELD)
    for version in range(1, 10):  # each event changes the order that the charge has read
        await system.events.create_order(order_id, version=version)
    await system.wait_for_version(order_id, version)
    await system.stripe.release()
    paid = await paying
    assert paid.status == 201, paid
    await assert_promises_kept(system, [order_id], [paid])
    assert database.dropped == dropped + 1
    assert await system.stripe.charge_keys(order_id) == [paid.payment_id]


async def test_4_a_charge_whose_outcome_could_not_be_saved_is_not_repeated(system: System) -> None:
    """community-store#488: the charge succeeded, the insert failed, the customer paid again."""
    order_id = await system.create_order()
    paying = await system.begin_payment(order_id, HELD)
    system.deployment.serve_database.refuse()
    await system.stripe.release()
    unknown = await paying
    assert (unknown.status, unknown.body["status"]) == (202, "processing"), unknown
    unavailable = await system.api.pay(order_id, "tok_mastercard")
    assert unavailable.status == 503, unavailable
    system.deployment.serve_database.heal()
    blocked = await system.api.pay(order_id, "tok_mastercard")
    assert blocked.status == 409, blocked
    await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    await assert_promises_kept(system, [order_id])
    assert await system.stripe.charge_keys(order_id) == [unknown.payment_id]


async def test_4_a_charge_is_not_repeated_after_a_crash_before_settlement(system: System) -> None:
    """The same, caused by SIGKILL."""
    order_id = await system.create_order()
    paying = await system.begin_payment(order_id, {"kind": "timeout_after"})
    await asyncio.to_thread(system.deployment.serve[0].kill)
    with pytest.raises(NoResponse):
        await paying
    blocked = await system.api.pay(order_id, "tok_mastercard", serve=1)
    assert blocked.status == 409, blocked
    await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    await assert_promises_kept(system, [order_id])
    assert len(await system.stripe.charge_keys(order_id)) == 1


async def test_5_and_6_an_unknown_outcome_stays_unknown_while_the_gateway_does_not_respond(
    system: System,
) -> None:
    """hyperswitch#2380: a pending attempt became failed after the last status check.

    killbill#1015: a second payment was allowed while the first was unknown; both succeeded.
    """
    # No process that has yet to compare its books with Stripe's list would charge.
    for serve in range(len(system.deployment.serve)):
        assert (await system.api.pay(await system.create_order(), serve=serve)).status == 201
    await system.stripe.add_fault("status_before", "", method="GET", times=-1, status=503)
    responses = await pay_with_unknown_outcome(system, CHARGED_WITHOUT_REPLY)
    for _ in range(2):  # the second check finds what the first one did
        await check_again_later(system, list(responses))
    ages = "SELECT extract(epoch FROM now() - created_at) FROM payments WHERE order_id = ANY($1)"
    for (age,) in await system.query(ages, list(responses)):
        assert age > ABANDON_AFTER.total_seconds()
    for order_id in responses:
        blocked = await system.api.pay(order_id, OTHER_CARD, serve=1)
        assert (blocked.status, blocked.error_code) == (409, "payment_in_progress"), blocked
        assert blocked.body["payment"]["status"] == "processing"
    await system.stripe.clear_faults()
    assert await system.seconds_until_checked(*responses) < KNOWN_WITHIN_SECONDS
    for order_id in responses:
        await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    await assert_promises_kept(system, responses)
    for order_id, response in responses.items():
        assert await system.stripe.charge_keys(order_id) == [response.payment_id]
        assert len(await system.stripe.charges(order_id)) == 1


async def test_7_a_process_suspended_during_its_charge_changes_nothing_when_it_continues(
    system: System,
) -> None:
    """polar#13349: an expired lock was treated as a failed payment."""
    order_id = await system.create_order()
    paying = await system.begin_payment(order_id, HELD)
    system.deployment.serve[0].suspend()
    await system.stripe.release()
    # The other processes find the charge, settle and publish it.
    await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    blocked = await system.api.pay(order_id, OTHER_CARD, serve=1)
    assert blocked.status == 409, blocked
    system.deployment.serve[0].resume()
    paid = await paying
    assert paid.status == 201, paid
    await assert_promises_kept(system, [order_id], [paid, blocked])
    assert len(await system.events.payment_events([order_id])) == 1
    assert await system.stripe.charge_keys(order_id) == [paid.payment_id]


async def test_7_a_process_suspended_before_its_charge_does_not_charge_when_it_continues(
    system: System,
) -> None:
    """The same; meanwhile the payment is abandoned and the order is paid by another one."""
    order_id = await system.create_order()
    before_the_charge = {**HELD, "path": "/v1/payment_methods$"}
    suspended = await system.begin_payment(order_id, before_the_charge)
    system.deployment.serve[0].suspend()
    await system.stripe.release()
    lost_requests = await pay_with_unknown_outcome(system, NOT_CHARGED_WITHOUT_REPLY)
    await system.wait_for_status(order_id, PaymentStatus.ABANDONED)
    paid = [await system.api.pay(order_id, serve=1)]
    system.deployment.serve[0].resume()
    late = await suspended
    assert late.status in (202, 503), late
    # Payments whose requests never reached the gateway are abandoned, too.
    for each in lost_requests:
        await system.wait_for_status(each, PaymentStatus.ABANDONED)
        paid.append(await system.api.pay(each))
    assert [response.status for response in paid] == [201] * len(paid), paid
    await assert_promises_kept(system, [order_id, *lost_requests], [late, *paid])
    assert await system.stripe.charge_keys(order_id) == [paid[0].payment_id]
    for each in (order_id, *lost_requests):
        assert len(await system.stripe.charges(each)) == 1


async def test_8_a_failure_never_overwrites_the_success_of_another_request(system: System) -> None:
    """spree#4499: "processing" was set in an uncommitted transaction."""
    database = system.deployment.serve_database
    order_ids = [await system.create_order() for _ in range(6)]
    responses: list[Response] = []
    for order_id in order_ids:
        # The reply to the commit of the first claim is lost.
        dropped = database.dropped
        database.drop_replies(to=b"processing")
        responses += await asyncio.gather(
            *(
                system.api.pay(order_id, token, serve=number % 2)
                for number, token in enumerate(("tok_visa", "tok_chargeDeclined") * 3)
            )
        )
        assert database.dropped > dropped
    # A claim whose connection is lost again when it is repeated is answered with 503.
    assert {response.status for response in responses} <= {201, 402, 409, 503}, responses
    await assert_promises_kept(system, order_ids, responses)
    for order_id in order_ids:
        assert len(await system.stripe.charges(order_id)) <= 1
