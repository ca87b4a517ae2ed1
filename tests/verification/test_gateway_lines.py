"""What a gateway lists becomes lines that say no more than it does."""

import pytest

from application.ports.gateway_history import ListedCharge
from application.ports.gateway_notifications import RefundNotification
from application.ports.gateway_records import ListedRefund
from domain.identifiers import PaymentId, RefundId
from domain.money import Money
from domain.outcome import Pending
from domain.refund import (
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    ReportedRefund,
)
from payments_kit.verification.gateway_lines import charge_line, refund_line
from tests.builders import NOW, PRICE, a_payment, charged

CHARGE = charged().charge_id


def listed(outcome: RefundOutcome, key: str | None) -> ListedRefund:
    """Return a refund of ours whose labels have this key."""
    reported = ReportedRefund("re_1", PRICE, outcome, RefundId("refund-1"), key)
    said = RefundNotification("1", PaymentId("payment-1"), CHARGE, reported)
    return ListedRefund(said, b"{}", NOW)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Refunded("re_1", PRICE), "succeeded"),
        (RefundPending("re_1"), "pending"),
        (RefundFailed("expired_card", "re_1"), "failed"),
    ],
)
def test_a_refund_has_the_state_that_is_reported(outcome: RefundOutcome, state: str) -> None:
    line = refund_line("stripe", listed(outcome, "refund-1:0"))
    assert (line.state, line.refund) == (state, "refund-1")


@pytest.mark.parametrize("key", [None, "refund-2:0", "refund-1"])
def test_labels_that_prove_nothing_name_no_refund_of_ours(key: str | None) -> None:
    assert refund_line("stripe", listed(Refunded("re_1", PRICE), key)).refund is None


@pytest.mark.parametrize(("reference", "name"), [("pi_1", "pi_1"), (None, "payment-1")])
def test_a_pending_charge_is_named_as_the_gateway_does(reference: str | None, name: str) -> None:
    charge = ListedCharge(a_payment(), Pending(reference), Money(0, PRICE.currency))
    line = charge_line("stripe", charge)
    assert (line.id, line.state) == (name, "pending")
