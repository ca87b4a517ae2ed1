"""The tests that `pytest --gateway` collects: all contracts, on the given harness."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from payments_kit.conformance.answer_promises import (
    AnswerContract,
    AnsweredCaptureContract,
    StalledCaptureContract,
    StallingContract,
    UndecidedContract,
)
from payments_kit.conformance.authentication_promises import AuthenticationContract
from payments_kit.conformance.capture_fault_promises import (
    AuthorizationListContract,
    UnreliableCaptureContract,
)
from payments_kit.conformance.capture_promises import CaptureContract, ExpiringCaptureContract
from payments_kit.conformance.checked import CheckedHarness
from payments_kit.conformance.fault_promises import (
    FailingGatewayContract,
    RefusingGatewayContract,
    UnreliableConnectionContract,
)
from payments_kit.conformance.history_promises import ChargeListContract, RefundListContract
from payments_kit.conformance.movement_promises import (
    MovementListContract,
    PayoutListContract,
)
from payments_kit.conformance.notification_promises import NotificationContract
from payments_kit.conformance.pending_promises import PendingContract, PendingListContract
from payments_kit.conformance.promises import PaymentGatewayContract
from payments_kit.conformance.record_promises import (
    DisputeRecordContract,
    PendingRecordContract,
    RecordListContract,
    UnreliableRecordContract,
)
from payments_kit.conformance.refund_promises import SettlingRefundContract
from payments_kit.conformance.session_fault_promises import UnreliableSessionContract
from payments_kit.conformance.session_promises import SessionCaptureContract, SessionContract
from payments_kit.contract_run import RUN


@pytest_asyncio.fixture
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[CheckedHarness]:
    """Open a harness for one test."""
    async with request.config.stash[RUN].harness() as harness:
        yield CheckedHarness(harness)


class TestGateway(PaymentGatewayContract):
    """Needs the hooks that every harness has."""


class TestUnreliableConnection(UnreliableConnectionContract):
    """Needs a connection that can be made to fail."""


class TestFailingGateway(FailingGatewayContract):
    """Needs a gateway that can be made to fail."""


class TestRefusingGateway(RefusingGatewayContract):
    """Needs a gateway that can be made to refuse the shop."""


class TestRefundList(RefundListContract):
    """Needs an adapter that lists refunds, and a gateway that others can use."""


class TestChargeList(ChargeListContract):
    """Needs an adapter that lists charges, and the gateway's time."""


class TestMovementList(MovementListContract):
    """Needs an adapter that lists movements, and the gateway's time and balance."""


class TestPayoutList(PayoutListContract):
    """Needs the same, and a gateway that can be made to pay out."""


class TestAuthentication(AuthenticationContract):
    """Needs a card that requires authentication."""


class TestPending(PendingContract):
    """Needs a payment method whose money comes later."""


class TestPendingList(PendingListContract):
    """Needs the same, an adapter that lists charges, and the gateway's time."""


class TestStalling(StallingContract):
    """Needs a gateway that can be made not to answer."""


class TestAnswer(AnswerContract):
    """Needs a gateway that can be made to answer with an HTTP status."""


class TestUndecided(UndecidedContract):
    """Needs a gateway that can be made to leave a charge undecided."""


class TestSettlingRefund(SettlingRefundContract):
    """Needs a gateway that settles refunds later."""


class TestCapture(CaptureContract):
    """Needs an adapter with `capture`."""


class TestExpiringCapture(ExpiringCaptureContract):
    """Needs the same, and authorizations that can be made to run out."""


class TestUnreliableCapture(UnreliableCaptureContract):
    """Needs the same, and a connection that can be made to fail."""


class TestAnsweredCapture(AnsweredCaptureContract):
    """Needs the same, and a gateway that can be made to answer with an HTTP status."""


class TestStalledCapture(StalledCaptureContract):
    """Needs the same, and a gateway that can be made not to answer."""


class TestAuthorizationList(AuthorizationListContract):
    """Needs the same, an adapter that lists charges, and the gateway's time."""


class TestRecordList(RecordListContract):
    """Needs an adapter that lists charges and refunds in pages, and the gateway's time."""


class TestPendingRecords(PendingRecordContract):
    """Needs the same, and a payment method whose money comes later."""


class TestUnreliableRecords(UnreliableRecordContract):
    """Needs the same, and a connection that can be made to fail."""


class TestDisputeRecords(DisputeRecordContract):
    """Needs an adapter that lists disputes in pages, and a bank that disputes a payment."""


class TestSession(SessionContract):
    """Needs an adapter with `create_session`, `reference_of` and `take`, and its customer."""


class TestSessionCapture(SessionCaptureContract):
    """Needs the same, and an adapter with `capture`."""


class TestUnreliableSession(UnreliableSessionContract):
    """Needs the same, and a connection that can be made to fail."""


class TestNotification(NotificationContract):
    """Needs an adapter with `notification_reader`, and what its gateway sends."""
