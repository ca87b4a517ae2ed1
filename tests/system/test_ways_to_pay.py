"""Every way to pay at Stripe, from the request to the event.

And each step of each way, with its reply lost in each way and with its process killed.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import pytest
from attrs import define, field, frozen

from domain.order import Order
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.system.api_client import NoResponse, Response
from tests.system.comparison import assert_promises_kept
from tests.system.shop_events import on_subject
from tests.system.stripe_control import HELD
from tests.system.system import System
from tests.system.waiting import TIMEOUT_SECONDS, eventually
from tests.system.ways import BACK, PART, PATHS, WAYS, Way, act, be_paid

KILLED: Final = "killed"
FAULTS: Final = (
    *("timeout_after", "reset_before", "reset_after", "status_before", "status_after", "truncate"),
    KILLED,
)

# `serve` 0 is killed; the others' requests go to 1.
DOOMED, SAFE = 0, 1

# All orders are read at once, and each takes half a minute.
READ_SECONDS: Final = 0.5


@pytest.mark.parametrize("name", WAYS)
async def test_each_way_pays_its_order(system: System, name: str) -> None:
    way = WAYS[name]
    order_id = await system.create_order(
        currency=way.currency, capture="manual" if way.is_manual else None
    )
    response = await system.api.pay(order_id, **await way.request(system))
    assert response.status == (202 if way.waits else 201), response
    [payment] = (await system.orders(order_id))[0].payments
    if way.is_manual:
        await act(system, "capture", payment.id, SAFE)
    elif way.reaches is PaymentStatus.REQUIRES_ACTION:
        assert response.body["nextAction"]["type"] == "redirect_to_url"
        back = await system.stripe.answer_bank(response.body["nextAction"]["redirectUrl"])
        assert back.startswith(BACK)
    elif way.waits:
        async with system.stripe.webhooks_to(system.deployment.addresses[SAFE]):
            await be_paid(system, way, order_id, payment.reference)
            await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    await assert_promises_kept(system, [order_id], [response])
    events = await system.events.payment_events([order_id])
    assert len(on_subject("payment:created", events)) == 1


@frozen
class Case:
    """A step of a way to pay, and what goes wrong with its request."""

    name: str
    step: str
    fault: str

    @property
    def way(self) -> Way:
        return WAYS[self.name]

    @property
    def serve(self) -> int:
        return DOOMED if self.fault == KILLED else SAFE


CASES: Final = [
    Case(name, step, fault)
    for name, way in WAYS.items()
    for step in ("charge", *way.steps)
    for fault in FAULTS
]


@define
class Shop:
    """One order for each case, which are all paid at the same time."""

    system: System
    orders: dict[str, Order] = field(factory=dict)
    responses: list[Response] = field(factory=list)

    async def watch(self, order_ids: Iterable[str]) -> None:
        """Read all orders again and again."""
        while True:
            self.orders = {each.id: each for each in await self.system.orders(*order_ids)}
            await asyncio.sleep(READ_SECONDS)

    async def reaches(self, order_id: str, *statuses: PaymentStatus) -> Payment:
        """Wait until the newest payment of an order has one of these statuses."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                order = self.orders.get(order_id)
                if order and order.payments and order.payments[-1].status in statuses:
                    return order.payments[-1]
                await asyncio.sleep(READ_SECONDS)

    async def pay(self, case: Case, order_id: str, serve: int) -> None:
        request = await case.way.request(self.system)
        with suppress(NoResponse):
            response = await self.system.api.pay(order_id, serve=serve, **request)
            assert response.status in (201, 202), response
            self.responses.append(response)

    async def plan_fault(self, case: Case, about: str) -> None:
        """Let the next request of the case's step about this order or intent go wrong."""
        fault = HELD if case.fault == KILLED else {"kind": case.fault}
        await self.system.stripe.add_fault(path=PATHS[case.step], about=about, **fault)

    async def accept(self, case: Case, order_id: str) -> Payment:
        """Pay until the gateway has accepted it; what never arrived is paid again."""
        is_faulty = case.step == "charge"
        if is_faulty:
            await self.plan_fault(case, order_id)
        await self.pay(case, order_id, case.serve if is_faulty else SAFE)
        payment = await self.reaches(order_id, case.way.reaches, PaymentStatus.ABANDONED)
        if payment.status is PaymentStatus.ABANDONED:
            await self.pay(case, order_id, SAFE)
            payment = await self.reaches(order_id, case.way.reaches)
        return payment

    async def go(self, case: Case, order_id: str) -> None:
        """Take an order through its way, until it waits for its bank or has ended."""
        payment = await self.accept(case, order_id)
        if case.step == "charge":
            return
        about = payment.charge_id if case.step == "refund" else payment.reference
        await self.plan_fault(case, str(about))
        with suppress(NoResponse):
            await act(self.system, case.step, payment.id, case.serve)

    async def end(self, case: Case, order_id: str) -> None:
        """Wait for the end of an order's way."""
        [*_, payment] = self.orders[order_id].payments
        if case.step in ("cancel", "void"):
            await self.reaches(order_id, PaymentStatus.CANCELLED)
        elif case.way.is_manual and case.step == "charge":
            await act(self.system, "capture", payment.id, SAFE)
        elif case.way.waits:
            await be_paid(self.system, case.way, order_id, payment.reference)
        if case.step not in ("cancel", "void"):
            await self.reaches(order_id, PaymentStatus.SUCCEEDED)


async def test_each_step_is_done_once_if_its_reply_is_lost_or_its_process_is_killed(
    system: System,
) -> None:
    shop = Shop(system)
    order_ids = await asyncio.gather(
        *(
            system.events.create_order(
                currency=case.way.currency, capture="manual" if case.way.is_manual else None
            )
            for case in CASES
        )
    )
    await system.wait_for_orders(*order_ids)
    cases = dict(zip(order_ids, CASES, strict=True))
    watching = asyncio.create_task(shop.watch(order_ids))
    going = [asyncio.create_task(shop.go(case, order_id)) for order_id, case in cases.items()]

    async def all_are_held() -> None:
        doomed = sum(case.fault == KILLED for case in CASES)
        held = (await system.stripe.fault_counts()).get("slow", 0) - slow_before
        assert held == doomed

    slow_before = (await system.stripe.fault_counts()).get("slow", 0)
    await eventually(all_are_held, interval=READ_SECONDS)
    system.deployment.serve[DOOMED].kill()
    await system.stripe.release()
    failed = await results(cases.values(), going)
    async with system.stripe.webhooks_to(system.deployment.addresses[SAFE]):
        ending = [asyncio.create_task(shop.end(case, name)) for name, case in cases.items()]
        failed += await results(cases.values(), ending)
    watching.cancel()
    assert failed == []
    await assert_promises_kept(system, order_ids, shop.responses)
    ledger = await system.stripe.control("GET", "ledger")
    for order_id, case in cases.items():
        captured = [
            each["amount_captured"]
            for each in ledger["charges"]
            if each["metadata"].get("order_id") == order_id and each["status"] == "succeeded"
            if each["captured"]
        ]
        taken = PART if case.way.is_manual else 1000
        expected = [] if case.step in ("cancel", "void") else [taken]
        assert captured == expected, case


async def results(cases: Iterable[Case], tasks: list["asyncio.Task[None]"]) -> list[str]:
    """Return what went wrong, with the case."""
    done = await asyncio.gather(*tasks, return_exceptions=True)
    pairs = zip(cases, done, strict=True)
    return [f"{case}: {error!r}" for case, error in pairs if error is not None]


async def test_a_redirect_that_is_cancelled_while_its_bank_agrees_pays_once(
    system: System,
) -> None:
    way = WAYS["a redirect"]
    order_id = await system.create_order(currency=way.currency)
    waiting = await system.api.pay(order_id, **await way.request(system))
    address = waiting.body["nextAction"]["redirectUrl"]
    # The bank refuses if the payment is cancelled before.
    await asyncio.gather(
        system.api.cancel(waiting.payment_id),
        system.stripe.answer_bank(address),
        return_exceptions=True,
    )

    async def is_paid() -> None:
        response = await system.api.pay(order_id)
        assert response.status == 201 or response.error_code == "already_paid", response

    await eventually(is_paid)
    await assert_promises_kept(system, [order_id])
    assert len(await system.stripe.charges(order_id)) == 1
