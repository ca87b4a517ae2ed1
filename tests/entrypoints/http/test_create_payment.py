"""`POST /api/payments`: every documented reply, those of the reference service included."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.gateways.in_memory.gateway import REFUSAL
from application.application import DeclineLimits
from application.ports.alerts import AlertKind
from application.use_cases.pay_order import PayOrder
from domain.identifiers import OrderId, PaymentId
from domain.payment_status import PaymentStatus
from entrypoints.http.app import create_app
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.handlers import PaymentHandler
from entrypoints.http.repeated_replies import RepeatedReplies
from tests.builders import ORDER, OTHER_USER, PAYER, after, dollars
from tests.entrypoints.http.world import Client, HttpWorld, first_error, pay, signed_in
from tests.world import VISA


async def test_a_valid_card_gets_201_with_the_payment(client: Client, world: HttpWorld) -> None:
    response = await pay(client, amount=10000, currency="USD")

    (payment,), (charge,) = world.order().payments, world.charges
    assert (payment.status, payment.charge_id) == (PaymentStatus.SUCCEEDED, charge.id)
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    assert response.headers["location"] == f"/api/payments/{payment.id}"
    assert response.json() == {
        "id": payment.id,
        "orderId": "order-1",
        "status": "succeeded",
        "amount": 10000,
        "currency": "usd",
        "createdAt": "2026-11-22T12:00:00.000Z",
        "gateway": "in_memory",
        "stripeId": charge.id,
        "chargeId": charge.id,
    }


@pytest.mark.parametrize(
    ("order_id", "user", "status", "message", "code"),
    [
        ("unknown", PAYER, 404, "Not Found", None),
        (ORDER, OTHER_USER, 401, "Not authorized", None),
        ("cancelled", PAYER, 400, "Cannot pay for a cancelled order", "order_cancelled"),
        ("expired", PAYER, 400, "Cannot pay for an expired order", "order_expired"),
        ("free", PAYER, 400, "Nothing is due for this order", "nothing_due"),
    ],
)
async def test_an_order_that_the_user_may_not_pay_gets_the_reason(
    client: Client, world: HttpWorld, order_id: str, user: str, status: int, message: str, code: str
) -> None:
    await world.create_order("cancelled")
    await world.cancel_order(OrderId("cancelled"))
    await world.create_order("expired", expires_at=after(seconds=1))
    await world.create_order("free", price=dollars("0"))
    world.advance(seconds=2)

    with capture_logs() as lines:
        response = await pay(client, order_id=order_id, user=user)

    assert response.status_code == status
    assert ("access refused" in [each["event"] for each in lines]) == (status == 401)
    assert response.json()["errors"] == [{"message": message} | ({"code": code} if code else {})]
    assert not world.charges
    assert "charge" not in world.steps


async def test_a_declined_card_gets_402_with_its_code_and_the_order_can_be_paid_again(
    client: Client, world: HttpWorld
) -> None:
    response = await pay(client, "tok_chargeDeclinedInsufficientFunds")

    assert response.status_code == 402
    assert first_error(response)["code"] == "insufficient_funds"
    assert response.json()["payment"]["id"] == world.payment().id
    assert (await pay(client)).status_code == 201


async def test_a_refusal_of_the_shop_gets_502_and_is_no_decline(
    client: Client, world: HttpWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.faults.add("charge", GatewayFaultKind.REFUSED)

    response = await pay(client)

    assert response.status_code == 502
    assert first_error(response)["code"] == REFUSAL.code
    assert response.json()["payment"]["status"] == "failed"
    assert REFUSAL.message not in response.text
    assert (await pay(client)).status_code == 201
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert REFUSAL.message in warnings[0]
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.GATEWAY_REFUSAL, REFUSAL.code)
    assert REFUSAL.message in alert.text
    metrics = (await client.get("/metrics")).text
    assert 'payments_charges_total{outcome="refused"} 1.0' in metrics
    assert "payments_declines_total{" not in metrics


async def test_a_refused_shop_is_not_counted_against_the_customer() -> None:
    world = HttpWorld(limits=DeclineLimits(max_declines={"user": 2}))
    await world.create_order()
    async with world.client() as client:
        for _ in range(3):
            world.faults.add("charge", GatewayFaultKind.REFUSED)
            assert (await pay(client)).status_code == 502

        assert (await pay(client)).status_code == 201


async def test_a_request_that_ended_with_a_refusal_is_tried_again_under_the_same_key(
    client: Client, world: HttpWorld
) -> None:
    world.faults.add("charge", GatewayFaultKind.REFUSED)
    headers = {"Idempotency-Key": "refused"}

    assert (await pay(client, headers=headers)).status_code == 502
    assert (await pay(client, headers=headers)).status_code == 201


@pytest.mark.parametrize(
    ("fault", "code"),
    [(None, "already_paid"), (GatewayFaultKind.REPLY_LOST, "payment_in_progress")],
)
async def test_an_order_with_a_payment_gets_409_with_that_payment(
    client: Client, world: HttpWorld, fault: GatewayFaultKind | None, code: str
) -> None:
    if fault is not None:
        world.faults.add("charge", fault)
    first = (await pay(client)).json()

    response = await pay(client)

    assert (response.status_code, first_error(response)["code"]) == (409, code)
    assert response.json()["payment"] == first
    assert response.json()["id"] == first["id"]
    assert len(world.charges) == 1


@pytest.mark.parametrize("token", ["tok_visa", "tok_threeDSecureRequired"])
async def test_a_new_owner_of_the_order_does_not_see_the_payment_of_the_previous_one(
    client: Client, world: HttpWorld, token: str
) -> None:
    previous = await pay(client, token)
    await world.create_order(version=1, user_id=OTHER_USER)

    response = await pay(client, user=OTHER_USER)

    assert response.status_code == 409
    assert previous.json()["id"] not in response.text
    assert "payment" not in response.json()


async def test_a_card_that_requires_authentication_gets_202_until_the_customer_completes_it(
    client: Client, world: HttpWorld
) -> None:
    response = await pay(client, "tok_threeDSecureRequired", headers={"idempotency-key": "key"})
    again = await pay(client)
    waiting = response.json()
    shown = await client.get(response.headers["location"], headers=signed_in())
    await world.gateway.complete_authentication(PaymentId(waiting["id"]), succeeded=True)
    afterwards = await pay(client)

    assert (response.status_code, waiting["status"]) == (202, "requires_action")
    assert waiting["nextAction"]["type"]
    assert (again.status_code, again.json()["payment"]) == (409, waiting)
    assert (afterwards.status_code, afterwards.json()["id"]) == (201, waiting["id"])
    assert len(world.charges) == 1
    # The secret is sent to the payer only, and stored nowhere.
    assert shown.json()["clientSecret"] == waiting["clientSecret"]
    assert waiting["clientSecret"] not in repr(world.database)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (GatewayFaultKind.REQUEST_LOST, "processing"),
        (GatewayFaultKind.REPLY_LOST, "processing"),
        (GatewayFaultKind.SERVER_ERROR, "processing"),
        ("database", "processing"),
        (GatewayFaultKind.MISCHARGED, "review"),
    ],
)
async def test_an_outcome_that_is_unknown_or_wrong_gets_202_with_the_location_of_the_payment(
    client: Client, world: HttpWorld, fault: GatewayFaultKind | str, status: str
) -> None:
    async def stop_the_database(step: str) -> None:
        if step == "charge replied":
            world.failing.add("database")

    if isinstance(fault, str):
        world.checkpoint = stop_the_database
    elif fault is GatewayFaultKind.MISCHARGED:
        world.faults.mischarge(dollars("1"))
    else:
        world.faults.add("charge", fault)

    response = await pay(client)

    assert (response.status_code, response.json()["status"]) == (202, status)
    assert response.headers["location"] == f"/api/payments/{response.json()['id']}"


@pytest.mark.parametrize("headers", [{}, {"idempotency-key": "key"}], ids=["no key", "key"])
@pytest.mark.parametrize(
    "fault",
    [
        *(GatewayFaultKind.UNREACHABLE, GatewayFaultKind.RATE_LIMITED, GatewayFaultKind.FORBIDDEN),
        "database",
    ],
)
async def test_a_dependency_that_is_unavailable_before_the_charge_gets_503_and_then_201(
    client: Client, world: HttpWorld, fault: GatewayFaultKind | str, headers: dict[str, str]
) -> None:
    if isinstance(fault, str):
        world.failing.add(fault)
    else:
        world.faults.add("charge", fault)

    response = await pay(client, headers=headers)

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert not world.charges
    world.failing.clear()
    again = await pay(client, headers=headers)
    assert again.status_code == 201
    assert "idempotent-replayed" not in again.headers


async def test_an_order_cancelled_during_its_charge_gets_400_with_the_reversed_payment(
    client: Client, world: HttpWorld
) -> None:
    async def cancel(step: str) -> None:
        if step == "charge replied":
            await world.cancel_order()

    world.checkpoint = cancel

    response = await pay(client)

    assert response.status_code == 400
    assert first_error(response) == {
        "message": "The order was cancelled during the payment; the money will be refunded",
        "code": "order_cancelled",
    }
    assert response.json()["payment"]["status"] == "reversed"


async def test_a_user_with_too_many_declines_gets_429_before_the_gateway_is_called() -> None:
    world = HttpWorld(limits=DeclineLimits(max_declines={"user": 2}))
    await world.create_order()
    async with world.client() as client:
        for _ in range(2):
            await pay(client, "tok_chargeDeclined")
        world.steps.clear()

        with capture_logs() as lines:
            response = await pay(client)

    assert response.status_code == 429
    assert response.headers["retry-after"] == "600"
    assert "payment refused" in [each["event"] for each in lines]
    assert "charge" not in world.steps


@pytest.mark.parametrize(
    ("trusted_proxies", "first", "second", "status"),
    [
        (0, None, "203.0.113.9", 429),  # without a proxy, the header may be forged
        (1, "203.0.113.1", "198.51.100.1, 203.0.113.9", 201),  # the proxy saw another address
        (1, "203.0.113.1", "203.0.113.9, 203.0.113.1", 429),  # left of the proxy's entry: forged
        (2, None, "203.0.113.9", 429),  # fewer entries than our proxies add
        (1, "2001:db8:1:2::3", "2001:db8:1:2:ffff::4", 429),  # the same /64
        (1, "2001:db8:1:2::3", "2001:db8:1:3::3", 201),
    ],
)
async def test_declines_are_counted_by_the_address_that_can_be_trusted(
    trusted_proxies: int, first: str | None, second: str, status: int
) -> None:
    world = HttpWorld(limits=DeclineLimits(max_declines={"address": 1}))
    await world.create_order()
    await world.create_order("other", user_id=OTHER_USER)
    async with world.client(trusted_proxies=trusted_proxies) as client:
        headers = {} if first is None else {"x-forwarded-for": first}
        await pay(client, "tok_chargeDeclined", headers=headers)

        headers = {"x-forwarded-for": second}
        response = await pay(client, order_id="other", user=OTHER_USER, headers=headers)

    assert response.status_code == status


@pytest.mark.parametrize("expected", [{"amount": 9999}, {"amount": 1}, {"currency": "eur"}])
async def test_another_expected_amount_than_the_amount_due_gets_400_with_the_amount_due(
    client: Client, world: HttpWorld, expected: dict[str, Any]
) -> None:
    response = await pay(client, **expected)

    assert response.status_code == 400
    assert first_error(response)["code"] == "amount_mismatch"
    assert response.json()["due"] == {"amount": 10000, "currency": "usd"}
    assert not world.charges


async def test_an_unexpected_error_gets_500_and_is_logged_without_secrets(
    client: Client, world: HttpWorld, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    async def fail(_step: str) -> None:
        raise RuntimeError("internal details, and sk_live_123")

    world.checkpoint = fail

    response = await pay(client)

    assert response.status_code == 500
    assert response.json()["errors"] == [{"message": "Internal Server Error"}]
    assert "internal details" not in response.text
    error, _ = logged()
    assert "internal details" in error["exception"]
    assert "sk_live_123" not in str(error)


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/", 404, "Not Found"),
        ("POST", "/api/orders", 404, "Not Found"),
        ("GET", "/api/payments/a/b", 404, "Not Found"),
        ("POST", "/api/payments/webhooks/stripe", 404, "Not Found"),
        ("OPTIONS", "/nope", 404, "Not Found"),
        ("DELETE", "/api/payments", 405, "Method Not Allowed"),
    ],
)
async def test_a_request_without_a_route_gets_a_problem_with_the_errors_of_the_reference_service(
    client: Client, method: str, path: str, status: int, title: str
) -> None:
    response = await client.request(method, path)

    assert response.status_code == status
    assert response.json() == {
        "errors": [{"message": title}],
        "type": "about:blank",
        "title": title,
        "status": status,
    }


async def test_a_payment_runs_to_its_end_when_its_caller_is_cancelled(world: HttpWorld) -> None:
    async def disconnect(step: str) -> None:
        if step == "charge":
            caller.cancel()
            await asyncio.wait([caller])

    world.checkpoint, tasks = disconnect, BackgroundTasks()
    use_cases = world.use_cases()
    replies = RepeatedReplies(use_cases.find_action)
    handler = PaymentHandler(use_cases.create_charge, replies, tasks)
    caller = asyncio.create_task(handler.pay(PayOrder(ORDER, PAYER, VISA)))
    with pytest.raises(asyncio.CancelledError):
        await caller
    await tasks.drain(seconds=10)

    assert world.payment().status is PaymentStatus.SUCCEEDED


async def test_the_service_does_not_end_before_a_payment_whose_caller_is_gone(
    world: HttpWorld,
) -> None:
    charging, proceed = asyncio.Event(), asyncio.Event()

    async def wait(step: str) -> None:
        if step == "charge":
            charging.set()
            await proceed.wait()

    world.checkpoint = wait
    app = create_app(world.dependencies())
    async with app.lifespan():
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # as in world.py
        async with Client(transport=transport, base_url="http://payments.test") as client:
            caller = asyncio.create_task(pay(client))
            await charging.wait()
            caller.cancel()
            await asyncio.wait([caller])
        asyncio.get_running_loop().call_later(0.05, proceed.set)

    assert world.payment().status is PaymentStatus.SUCCEEDED


async def test_a_requests_trace_continues_in_its_event(client: Client, world: HttpWorld) -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    await pay(client, headers={"traceparent": traceparent})

    (record,) = world.database.outbox.values()
    assert record.entry.traceparent == traceparent
