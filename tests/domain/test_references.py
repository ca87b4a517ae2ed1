"""The gateway's own reference is not forgotten if a later report does not repeat it."""

import pytest
from attrs import evolve

from domain.outcome import Authorized, Charged, Declined, Pending, Refused
from domain.refund import RefundFailed, RefundStatus
from tests.builders import (
    NOW,
    PAYMENT,
    a_refund,
    authorized,
    charged,
    claimed,
    declined,
    pending,
    requires_action,
)

REPORTS: list[Charged | Authorized | Declined | Refused | Pending] = [
    charged(),
    authorized(),
    declined(),
    Refused("account_closed", "no"),
    pending(),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("later", ["another", None])
def test_a_payment_keeps_its_reference_until_a_report_names_another(
    report: Charged | Authorized | Declined | Refused | Pending, later: str | None
) -> None:
    order = claimed().settle(PAYMENT, evolve(requires_action(), reference="first"), NOW)
    settled = order.settle(PAYMENT, evolve(report, reference=later), NOW).payment(PAYMENT)
    assert settled.status is not order.payment(PAYMENT).status
    assert settled.reference == (later or "first")


@pytest.mark.parametrize("later", ["another", None])
def test_a_refund_keeps_its_reference_until_a_failure_names_another(later: str | None) -> None:
    refund = evolve(a_refund(), reference="first")
    failed = refund.settle(RefundFailed("no_account", later))
    assert failed.status is RefundStatus.FAILED
    assert failed.reference == (later or "first")
