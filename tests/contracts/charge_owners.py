"""The promises of what finds the payments of charges."""

from attrs import evolve

from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.ledger import Owner
from domain.payment_status import PaymentStatus
from tests.builders import GATEWAY, a_payment, an_order, created_event
from tests.contracts.storages import Storage


class ChargeOwnersContract:
    """The promises of application/ports/charge_owners.py."""

    async def test_the_payments_of_many_charges_are_found_at_once(self, storage: Storage) -> None:
        for number in ("1", "2", "3"):
            paid = evolve(
                a_payment(f"payment-{number}", PaymentStatus.SUCCEEDED, charge_id=f"ch_{number}"),
                order_id=OrderId(f"order-{number}"),
            )
            await storage.save(an_order(paid, replica=created_event(f"order-{number}")))
        asked = [ChargeId("ch_1"), ChargeId("ch_3"), ChargeId("ch_4")]
        found = await storage.owners.find(GATEWAY, False, asked)
        assert found == {
            ChargeId(f"ch_{number}"): Owner(
                OrderId(f"order-{number}"), PaymentId(f"payment-{number}")
            )
            for number in ("1", "3")
        }
        assert not await storage.owners.find("another", False, asked)
        assert not await storage.owners.find(GATEWAY, True, asked)
        assert not await storage.owners.find(GATEWAY, False, [])
