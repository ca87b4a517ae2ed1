"""ReadPayments shows users their own payments only."""

import pytest

from domain.identifiers import OrderId, PaymentId
from domain.order_entities import PaymentNotFound
from tests.builders import ORDER, OTHER_USER, PAYER
from tests.world import DECLINED, World


async def test_a_user_sees_their_own_payments_oldest_first(world: World) -> None:
    await world.create_order()
    declined, paid = (await world.pay(DECLINED)).payment, (await world.pay()).payment
    read = world.use_cases().read_payments
    assert (await read.of_order(ORDER, PAYER))[0] == (declined, paid)
    assert (await read.one(paid.id, PAYER))[0] == paid
    assert await read.of_order(OrderId("unknown"), PAYER) == ((), None)


async def test_another_user_cannot_distinguish_a_payment_from_none(world: World) -> None:
    await world.create_order()
    paid = (await world.pay()).payment
    read = world.use_cases().read_payments
    for payment_id in (paid.id, PaymentId("unknown")):
        with pytest.raises(PaymentNotFound) as error:
            await read.one(payment_id, OTHER_USER)
        assert error.value.payment_id == payment_id
    assert (await read.of_order(ORDER, OTHER_USER))[0] == ()
