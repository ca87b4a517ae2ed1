"""A question about a second charge names the payment that the gateway made it for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pytest
from attrs import evolve

from adapters.gateways.in_memory import InMemoryGateway
from application.ports.gateway_history import ListedCharge
from application.ports.gateway_notifications import ExternalRefundNotification, PaymentNotification
from application.ports.gateway_records import ListedRefund
from domain.identifiers import ChargeId
from domain.outcome import Charged
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refunded, ReportedRefund
from domain.refund_rules import RefundExceedsPayment
from domain.second_charge import second_charge
from tests.builders import NOW, PRICE, a_payment, an_order, dollars
from tests.use_cases.comparing import Comparison
from tests.world import World

FIRST: Final = a_payment(status=PaymentStatus.SUCCEEDED)
AGAIN: Final = Charged(ChargeId("ch_2"), PRICE, livemode=False)
SECOND: Final = second_charge(FIRST, AGAIN, NOW)
TEN: Final = dollars("10")
EXTERNAL: Final = ReportedRefund("re_1", TEN, Refunded("re_1", TEN))


class Asked(InMemoryGateway):
    """A gateway that has refunded something of a second charge, and notes how it is asked."""

    asked: list[Payment]
    charges: Sequence[ListedCharge]

    async def list_charges(self, since: datetime, until: datetime) -> Sequence[ListedCharge]:
        return self.charges

    async def list_refunds(self, payment: Payment) -> Sequence[ReportedRefund]:
        self.asked.append(payment)
        return [EXTERNAL] if payment == evolve(SECOND, id=FIRST.id) else []


@pytest.mark.parametrize("way", ["an operator", "a notification", "the books", "a reconciliation"])
async def test_its_refunds_are_listed_where_the_gateway_has_them(way: str) -> None:
    asked = list[Payment]()
    charges = [ListedCharge(a_payment(), AGAIN, TEN)] if way == "the books" else []
    kind = type("AGateway", (Asked,), {"asked": asked, "charges": charges})
    world = World(gateway_type=kind)
    comparison = Comparison(world, repair=True)
    await comparison.store(an_order(FIRST, SECOND))
    use_cases = comparison.use_cases
    if way == "an operator":
        with pytest.raises(RefundExceedsPayment):  # the rest is given back by itself
            await use_cases.refund_payment(SECOND.id, 100)
    elif way == "a notification":
        await world.receive(PaymentNotification("evt", FIRST.id, AGAIN, refunded=TEN))
    elif way == "the books":
        await use_cases.books_guards.default()
    else:
        report = ExternalRefundNotification("evt", AGAIN.charge_id, EXTERNAL)
        await use_cases.keep_notification("in_memory", report, b"{}")
        await comparison.store(an_order(FIRST, SECOND))
        record = ListedRefund(report, b"{}", NOW)
        await use_cases.reconcile.reports(comparison.part, [record])
    assert {each.id for each in asked} == {FIRST.id}
    [refund] = [each for each in world.order().refunds if each.is_external]
    assert (refund.payment_id, refund.amount) == (SECOND.id, TEN)
