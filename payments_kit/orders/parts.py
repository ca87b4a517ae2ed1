"""The parts of the suite: which contract needs which harness."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from payments_kit.orders import harness as harnesses
from payments_kit.orders.delivery_promises import (
    CompletionContract,
    CompletionCrashContract,
    CrashContract,
)
from payments_kit.orders.observed_promises import (
    ExpiryContract,
    PublicationContract,
    ReportContract,
)
from payments_kit.orders.promises import OrdersContract
from payments_kit.orders.refund_promises import RefundContract


@frozen
class Part:
    """A part of the suite: its contract, and the harness that it needs."""

    contract: type
    harness: type


REQUIRED: Final = "TestOrders"
"""The part whose hooks every harness has."""

PARTS: Final[Mapping[str, Part]] = {
    REQUIRED: Part(OrdersContract, harnesses.Harness),
    "TestRefunds": Part(RefundContract, harnesses.Harness),
    "TestCompletions": Part(CompletionContract, harnesses.CompletingHarness),
    "TestCrashes": Part(CrashContract, harnesses.CrashingHarness),
    "TestCompletionCrashes": Part(CompletionCrashContract, harnesses.CrashingCompletingHarness),
    "TestExpiry": Part(ExpiryContract, harnesses.ExpiringHarness),
    "TestReports": Part(ReportContract, harnesses.ReportingHarness),
    "TestPublications": Part(PublicationContract, harnesses.PublishingHarness),
}
"""The parts by the names of their classes in suite.py."""
