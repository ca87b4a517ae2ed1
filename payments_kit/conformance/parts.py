"""The parts of the suite: which contract needs which harness."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from application.ports.gateway_captures import GatewayCaptures
from application.ports.payment_gateway import GatewayAdapter
from payments_kit.conformance import harness as harnesses
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
from payments_kit.conformance.fault_promises import (
    FailingGatewayContract,
    RefusingGatewayContract,
    UnreliableConnectionContract,
)
from payments_kit.conformance.history_promises import ChargeListContract, RefundListContract
from payments_kit.conformance.movement_harness import MovementHarness, PayoutHarness
from payments_kit.conformance.movement_promises import (
    MovementListContract,
    PayoutListContract,
)
from payments_kit.conformance.notification_harness import NotificationHarness
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
from payments_kit.conformance.session_harness import (
    CapturingSessionHarness,
    SessionHarness,
    UnreliableSessionHarness,
)
from payments_kit.conformance.session_promises import SessionCaptureContract, SessionContract
from payments_kit.contract_run import tests_of


@frozen
class Part:
    """A part of the suite: its contract, and the harness that it needs."""

    contract: type
    harness: type
    captures: bool = False
    """Whether it is about adapters with `capture` only."""

    records: Sequence[str] = ()
    """The optional methods of the adapter that it is about."""

    sessions: bool = False
    """Whether it is about adapters with any of these methods only."""

    def lacks(self, gateway: GatewayAdapter | None) -> list[str]:
        """Return which of these methods the adapter does not have."""
        return [f"gateway.{each}" for each in self.records if getattr(gateway, each, None) is None]

    @property
    def tests(self) -> list[str]:
        """The names of its tests, in order."""
        return tests_of(self.contract)

    def is_about(self, gateway: GatewayAdapter | None) -> bool:
        """Whether the adapter has what this part is about."""
        if gateway is None:
            return not (self.captures or self.sessions)
        if self.captures and GatewayCaptures.of(gateway).capture is None:
            return False
        return not self.sessions or len(self.lacks(gateway)) < len(self.records)


_RECORDS: Final = ("charge_records", "refund_records")
_SESSIONS: Final = ("create_session", "reference_of", "take")

PARTS: Final[Mapping[str, Part]] = {
    "TestGateway": Part(PaymentGatewayContract, harnesses.Harness),
    "TestUnreliableConnection": Part(UnreliableConnectionContract, harnesses.UnreliableHarness),
    "TestFailingGateway": Part(FailingGatewayContract, harnesses.FailingHarness),
    "TestRefusingGateway": Part(RefusingGatewayContract, harnesses.RefusingHarness),
    "TestRefundList": Part(RefundListContract, harnesses.RefundListingHarness),
    "TestChargeList": Part(ChargeListContract, harnesses.ChargeListingHarness),
    "TestMovementList": Part(MovementListContract, MovementHarness),
    "TestPayoutList": Part(PayoutListContract, PayoutHarness),
    "TestAuthentication": Part(AuthenticationContract, harnesses.AuthenticatingHarness),
    "TestPending": Part(PendingContract, harnesses.PendingHarness),
    "TestPendingList": Part(PendingListContract, harnesses.PendingListHarness),
    "TestStalling": Part(StallingContract, harnesses.StallingHarness),
    "TestAnswer": Part(AnswerContract, harnesses.AnsweringHarness),
    "TestUndecided": Part(UndecidedContract, harnesses.UndecidedHarness),
    "TestSettlingRefund": Part(SettlingRefundContract, harnesses.SettlingRefundHarness),
    "TestCapture": Part(CaptureContract, harnesses.CapturingHarness, True),
    "TestExpiringCapture": Part(ExpiringCaptureContract, harnesses.ExpiringHarness, True),
    "TestUnreliableCapture": Part(
        UnreliableCaptureContract, harnesses.UnreliableCapturingHarness, True
    ),
    "TestAnsweredCapture": Part(AnsweredCaptureContract, harnesses.AnsweringCapturingHarness, True),
    "TestStalledCapture": Part(StalledCaptureContract, harnesses.StallingCapturingHarness, True),
    "TestAuthorizationList": Part(
        AuthorizationListContract, harnesses.AuthorizationListHarness, True
    ),
    "TestRecordList": Part(RecordListContract, harnesses.RecordListingHarness, records=_RECORDS),
    "TestPendingRecords": Part(
        PendingRecordContract, harnesses.PendingRecordHarness, records=_RECORDS
    ),
    "TestUnreliableRecords": Part(
        UnreliableRecordContract, harnesses.UnreliableRecordHarness, records=_RECORDS
    ),
    "TestDisputeRecords": Part(
        DisputeRecordContract, harnesses.DisputeListingHarness, records=("dispute_records",)
    ),
    "TestSession": Part(SessionContract, SessionHarness, False, _SESSIONS, True),
    "TestSessionCapture": Part(
        SessionCaptureContract, CapturingSessionHarness, True, _SESSIONS, True
    ),
    "TestUnreliableSession": Part(
        UnreliableSessionContract, UnreliableSessionHarness, False, _SESSIONS, True
    ),
    "TestNotification": Part(
        NotificationContract, NotificationHarness, False, ("notification_reader",), True
    ),
}
"""The parts by the names of their classes in suite.py."""
