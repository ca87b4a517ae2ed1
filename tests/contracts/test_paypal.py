"""PayPal keeps the promises of a gateway's port, over HTTP."""

from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from application.ports.payment_gateway import OutcomeUnknown
from domain.outcome import Approved
from payments_kit.conformance.answer_promises import AnswerContract, AnsweredCaptureContract
from payments_kit.conformance.capture_fault_promises import UnreliableCaptureContract
from payments_kit.conformance.capture_promises import CaptureContract, ExpiringCaptureContract
from payments_kit.conformance.fault_promises import (
    RefusingGatewayContract,
    UnreliableConnectionContract,
)
from payments_kit.conformance.harness import UnreliableHarness
from payments_kit.conformance.history_promises import RefundListContract
from payments_kit.conformance.movement_promises import MovementListContract
from payments_kit.conformance.pending_promises import PendingContract
from payments_kit.conformance.promises import PaymentGatewayContract
from payments_kit.conformance.record_promises import (
    DisputeRecordContract,
    PendingRecordContract,
    RecordListContract,
    UnreliableRecordContract,
)
from payments_kit.conformance.samples import payment_for
from payments_kit.conformance.session_fault_promises import UnreliableSessionContract
from payments_kit.conformance.session_promises import SessionCaptureContract, SessionContract
from tests.adapters.gateways.paypal_account import make_gateway, paypal_account
from tests.contracts.gateway_harnesses import UNREACHABLE
from tests.contracts.paypal_harness import PayPalAsCards, PayPalHarness, PayPalSessions


class TestPayPal(
    PaymentGatewayContract,
    UnreliableConnectionContract,
    RefusingGatewayContract,
    RefundListContract,
    RecordListContract,
    DisputeRecordContract,
    PendingRecordContract,
    UnreliableRecordContract,
    MovementListContract,
    PendingContract,
    AnswerContract,
    CaptureContract,
    ExpiringCaptureContract,
    UnreliableCaptureContract,
    AnsweredCaptureContract,
):
    """Orders that their customer approves."""

    @pytest.fixture
    async def harness(self) -> AsyncIterator[PayPalHarness]:
        async with paypal_account() as account:
            # PayPal's reports lag by hours.
            account.paypal.ledger.reporting_lag = 0.0
            gateway = PayPalAsCards(account, account.gateway)
            unreachable = evolve(gateway, gateway=make_gateway(UNREACHABLE))
            yield PayPalHarness(account, gateway, unreachable)
            await unreachable.close()

    async def test_a_lost_request_leaves_the_outcome_unknown_and_nothing_to_find(
        self, harness: UnreliableHarness
    ) -> None:
        assert isinstance(harness, PayPalHarness)
        payment = payment_for(harness)
        harness.lose_request("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        # The customer has still approved: the service takes the money later.
        found = await harness.account.gateway.find(harness.gateway.claimed(payment))
        assert isinstance(found, Approved)
        assert await harness.charge_count(payment) == 0


class TestPayPalSessions(SessionContract, SessionCaptureContract, UnreliableSessionContract):
    """The adapter as the service uses it."""

    @pytest.fixture
    async def harness(self) -> AsyncIterator[PayPalHarness]:
        async with paypal_account() as account:
            gateway = PayPalSessions(account, account.gateway)
            yield PayPalHarness(account, gateway, gateway)
