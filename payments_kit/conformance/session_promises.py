"""What a gateway promises whose customer approves before the charge, as tests."""
# ruff: noqa: D102, S101 - these are tests

import asyncio

import pytest
from attrs import evolve

from application.ports.gateway_sessions import GatewaySessions, Session
from application.ports.payment_gateway import OutcomeUnknown
from domain.capture import CaptureMode
from domain.outcome import Approved, Authorized, Charged, Declined, Refused, RequiresAction
from domain.payment import Payment
from payments_kit.conformance.samples import a_payment, a_refund, is_accepted, payment_for
from payments_kit.conformance.session_harness import (
    CapturingSessionHarness,
    SessionHarness,
)
from payments_kit.conformance.session_samples import (
    approved,
    charge,
    created,
    opened,
    take,
    using,
    waiting,
)


@pytest.mark.asyncio
class SessionContract:
    """What a gateway with `create_session`, `reference_of` and `take` promises."""

    async def test_every_session_can_be_approved_and_charges_nothing(
        self, harness: SessionHarness
    ) -> None:
        payment = payment_for(harness)
        sessions = [await created(harness, payment) for _ in range(2)]
        assert len({each.token for each in sessions}) == 2
        for each in sessions:
            assert each.approve_url.startswith("http")
            await harness.approve(each.token)
            assert await harness.charge_count(using(harness, payment, each)) == 0
        claimed = using(harness, payment, sessions[1])
        assert isinstance(await charge(harness, claimed, sessions[1]), Charged)

    async def test_only_the_token_of_a_session_has_a_reference(
        self, harness: SessionHarness
    ) -> None:
        session = await created(harness, payment_for(harness))
        sessions = GatewaySessions.of(harness.gateway)
        assert sessions.reference(session.token)
        others = ("tok_visa", "pm_card_visa", "4242424242424242", "two words", "x" * 10_000, "")
        for token in (harness.succeeding_token.value, harness.declined_token.value, *others):
            assert sessions.reference(token) is None, "it would be stored"

    async def test_a_charge_before_the_approval_requires_action_and_takes_nothing(
        self, harness: SessionHarness
    ) -> None:
        payment, session = await waiting(harness)
        found = await harness.gateway.find(payment)
        assert isinstance(found, RequiresAction)
        assert found.redirect_url
        assert found.reference == payment.reference
        assert await harness.charge_count(payment) == 0
        await harness.approve(session.token)
        assert await harness.charge_count(payment) == 0

    async def test_a_charge_after_the_approval_takes_the_money(
        self, harness: SessionHarness
    ) -> None:
        payment, session = await opened(harness)
        await harness.approve(session.token)
        outcome = await charge(harness, payment, session)
        assert isinstance(outcome, Charged)
        assert payment.mismatch(outcome) is None
        assert outcome.reference == payment.reference
        assert await harness.gateway.find(payment) == outcome
        assert await charge(harness, payment, session) == outcome
        assert await harness.charge_count(payment) == 1

    async def test_an_approval_is_found_and_nothing_is_taken_by_it(
        self, harness: SessionHarness
    ) -> None:
        payment, session = await waiting(harness)
        await harness.approve(session.token)
        for _ in range(2):
            found = await harness.gateway.find(payment)
            assert isinstance(found, Approved), "the approval is not found"
            assert found.reference == payment.reference
        assert await harness.charge_count(payment) == 0, "`find` has taken the money"

    async def test_what_is_approved_is_taken_once(self, harness: SessionHarness) -> None:
        payment, session = await approved(harness)
        outcome = await take(harness, payment)
        assert isinstance(outcome, Charged)
        assert payment.mismatch(outcome) is None
        assert await harness.gateway.find(payment) == outcome
        assert await take(harness, payment) == outcome
        assert await charge(harness, payment, session) == outcome
        assert await harness.charge_count(payment) == 1

    async def test_two_processes_take_the_money_once(self, harness: SessionHarness) -> None:
        payment, _ = await approved(harness)
        takes = (take(harness, payment) for _ in range(2))
        both = await asyncio.gather(*takes, return_exceptions=True)
        for each in both:
            assert isinstance(each, Charged | OutcomeUnknown), f"it was {each}"
        assert isinstance(await harness.gateway.find(payment), Charged)
        assert await harness.charge_count(payment) == 1

    async def test_a_payment_is_unknown_before_its_charge_has_arrived(
        self, harness: SessionHarness
    ) -> None:
        payment, session = await opened(harness)
        assert await harness.gateway.find(payment) is None
        await harness.approve(session.token)
        assert await harness.gateway.find(payment) is None, "it was never charged"
        assert await harness.gateway.cancel(payment) is None
        assert isinstance(await charge(harness, payment, session), Charged)
        assert await harness.charge_count(payment) == 1

    async def test_what_is_not_approved_is_not_taken(self, harness: SessionHarness) -> None:
        payment, session = await waiting(harness)
        assert isinstance(await take(harness, payment), RequiresAction)
        await harness.approve(session.token)
        assert isinstance(await harness.gateway.find(payment), Approved)
        assert await harness.charge_count(payment) == 0

    @pytest.mark.parametrize("is_approved", [False, True])
    async def test_nothing_is_taken_after_a_cancellation(
        self, harness: SessionHarness, is_approved: bool
    ) -> None:
        payment, session = await (approved if is_approved else waiting)(harness)
        assert isinstance(await harness.gateway.cancel(payment), Declined)
        assert isinstance(await harness.gateway.find(payment), Declined)
        assert isinstance(await take(harness, payment), Declined), "it was taken afterwards"
        assert isinstance(await charge(harness, payment, session), Declined)
        assert isinstance(await harness.gateway.cancel(payment), Declined)
        assert await harness.charge_count(payment) == 0

    async def test_cancelling_after_the_money_was_taken_reports_the_charge(
        self, harness: SessionHarness
    ) -> None:
        payment, _ = await approved(harness)
        outcome = await take(harness, payment)
        assert await harness.gateway.cancel(payment) == outcome

    @pytest.mark.parametrize("difference", ["order", "amount", "capture mode"])
    async def test_a_session_pays_for_nothing_else(
        self, harness: SessionHarness, difference: str
    ) -> None:
        payment, session = await opened(harness)
        await harness.approve(session.token)
        other = evolve(a_payment(), amount=payment.amount, reference=payment.reference)
        match difference:
            case "order":
                pass
            case "amount":
                amount = payment.amount + payment.amount
                other = evolve(other, order_id=payment.order_id, amount=amount)
            case _:
                mode = CaptureMode.MANUAL
                other = evolve(other, order_id=payment.order_id, capture_mode=mode)
        await _pays_nothing(harness, other, session)

    async def test_a_session_belongs_to_the_first_payment(self, harness: SessionHarness) -> None:
        payment, session = await approved(harness)
        taken = await take(harness, payment)
        other = evolve(payment, id=a_payment().id)
        await _pays_nothing(harness, other, session, 1)
        assert await harness.gateway.find(payment) == taken

    async def test_an_unknown_session_pays_for_nothing(self, harness: SessionHarness) -> None:
        payment, session = await opened(harness)
        last = session.token[-1]
        unknown = evolve(session, token=session.token[:-1] + ("1" if last != "1" else "2"))
        await _pays_nothing(harness, using(harness, payment, unknown), unknown)

    async def test_what_was_taken_can_be_refunded(self, harness: SessionHarness) -> None:
        payment, _ = await approved(harness)
        taken = await take(harness, payment)
        assert isinstance(taken, Charged)
        paid = payment.succeed(taken)
        assert is_accepted(await harness.gateway.refund(paid, a_refund(paid, taken, 400)))
        assert await harness.refunded_amount(paid) == 400


@pytest.mark.asyncio
class SessionCaptureContract:
    """What such a gateway that can capture later promises."""

    async def test_an_approved_session_is_authorized_if_that_is_its_capture_mode(
        self, harness: CapturingSessionHarness
    ) -> None:
        payment, _ = await approved(harness, CaptureMode.MANUAL)
        outcome = await take(harness, payment)
        assert isinstance(outcome, Authorized)
        assert payment.mismatch(outcome) is None
        assert await take(harness, payment) == outcome
        assert await harness.held_amount(payment) == 1000
        assert await harness.charge_count(payment) == 0


async def _pays_nothing(
    harness: SessionHarness, payment: Payment, session: Session, count: int = 0
) -> None:
    outcome = await charge(harness, payment, session)
    assert isinstance(outcome, Declined | Refused), f"it was {outcome}"
    assert outcome.code
    assert isinstance(await harness.gateway.find(payment), Declined | Refused | None)
    assert await harness.charge_count(payment) == count
