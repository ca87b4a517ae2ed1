"""ReadPayments shows users their own payments and nothing of anybody else's."""

import pytest

from domain.identifiers import OrderId, PaymentId
from domain.order_entities import PaymentNotFound
from tests.builders import ORDER, PAYER, STRANGER
from tests.use_cases.shop import DECLINED, Shop


async def test_a_user_sees_their_payments_oldest_first(shop: Shop) -> None:
    await shop.order()
    refused, paid = (await shop.pay(DECLINED)).payment, (await shop.pay()).payment
    read = shop.replica().read_payments
    assert (await read.of_order(ORDER, PAYER))[0] == (refused, paid)
    assert (await read.one(paid.id, PAYER))[0] == paid


async def test_a_stranger_cannot_tell_a_payment_from_none(shop: Shop) -> None:
    await shop.order()
    paid = (await shop.pay()).payment
    read = shop.replica().read_payments
    for payment_id in (paid.id, PaymentId("unheard")):
        with pytest.raises(PaymentNotFound) as refused:
            await read.one(payment_id, STRANGER)
        assert refused.value.payment_id == payment_id
    assert (await read.of_order(ORDER, STRANGER))[0] == ()


async def test_an_order_nobody_has_heard_of_has_no_payments(shop: Shop) -> None:
    assert await shop.replica().read_payments.of_order(OrderId("unheard"), PAYER) == ((), None)
