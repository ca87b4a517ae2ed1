"""Which disputes an order records: each once, and the money that was taken back once."""

import pytest

from domain.dispute import REVERSED, DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId
from domain.order import Order
from domain.payment_status import PaymentStatus
from tests.builders import PRICE, a_payment, an_order

FIRST, SECOND = ChargeId("ch_first"), ChargeId("ch_second")
PAID_TWICE = an_order(
    a_payment("first", PaymentStatus.SUCCEEDED), a_payment("second", PaymentStatus.REVERSED)
)


def disputed(
    order: Order, name: str, charge: ChargeId, reason: str, status: DisputeStatus
) -> Order:
    return order.record_dispute(DisputeId(name), charge, PRICE, reason, status)


@pytest.mark.parametrize("status", DisputeStatus)
@pytest.mark.parametrize("charge", [FIRST, SECOND])
@pytest.mark.parametrize("reason", [REVERSED, "fraudulent"])
def test_a_reversal_is_recorded_unless_a_dispute_of_its_charge_may_tell_of_it(
    status: DisputeStatus, charge: ChargeId, reason: str
) -> None:
    order = disputed(PAID_TWICE, "dp_1", FIRST, "fraudulent", status)
    after = disputed(order, "dp_2", charge, reason, DisputeStatus.LOST)
    is_told = charge == FIRST and status in (DisputeStatus.OPEN, DisputeStatus.LOST)
    if reason == REVERSED and is_told:
        assert after == order
    else:
        first, second = after.disputes
        assert first == order.disputes[0]
        assert (second.id, second.payment_id) == ("dp_2", charge.removeprefix("ch_"))


def test_a_charge_that_is_not_known_is_not_disputed() -> None:
    order = an_order(a_payment(PaymentId("first")))
    assert disputed(order, "dp_1", FIRST, "fraudulent", DisputeStatus.OPEN) == order
