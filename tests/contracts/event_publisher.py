"""The promises of an event publisher."""

import asyncio
from contextlib import suppress
from typing import Final

from attrs import evolve

from application.ports.event_publisher import BrokerUnavailable, OutboxEntry, PublishResult
from domain.events import PaymentCreated, PaymentFailed, PaymentRefunded
from domain.identifiers import OrderId, PaymentId
from tests.builders import NOW, PRICE, a_payment, a_refund
from tests.contracts.brokers import Broker

# A batch takes milliseconds; on a busy machine, seconds.
MAX_SECONDS: Final = 60.0


def failed(payment_id: str = "payment-1") -> OutboxEntry:
    """Return an entry for a failed payment."""
    event = PaymentFailed(PaymentId(payment_id), OrderId("order-1"), "card_declined")
    return OutboxEntry(event, NOW)


def refunded(refund_id: str = "refund-1", reason: str = "requested") -> OutboxEntry:
    """Return an entry for a refund."""
    refund = evolve(a_refund(refund_id, PRICE), reason=reason)
    return OutboxEntry(PaymentRefunded.of(refund), NOW)


def created(payment_id: str = "payment-1") -> OutboxEntry:
    """Return an entry for a payment that succeeded."""
    payment = a_payment(payment_id, charge_id=f"ch_{payment_id}")
    return OutboxEntry(PaymentCreated.of(payment), NOW)


class EventPublisherContract:
    """The promises of application/ports/event_publisher.py, EventPublisher."""

    async def test_an_event_reported_as_stored_is_stored_under_its_id(self, broker: Broker) -> None:
        entries = [created(), failed("payment-2"), refunded()]
        published = await broker.publisher.publish(entries)
        assert published.stored == {entry.event.id for entry in entries}
        for entry in entries:
            [message] = await broker.stored(entry.event.subject)
            assert message.headers["Nats-Msg-Id"] == entry.event.id

    async def test_an_event_that_is_published_again_is_stored_once(self, broker: Broker) -> None:
        await broker.publisher.publish([created()])
        again = await broker.publisher.publish([created(), created("payment-2")])
        assert again.stored == {created().event.id, created("payment-2").event.id}
        assert len(await broker.stored("payment:created")) == 2

    async def test_a_batch_of_any_size_is_stored_completely(self, broker: Broker) -> None:
        assert await broker.publisher.publish([]) == PublishResult(frozenset(), {})
        entries = [created(f"payment-{number}") for number in range(600)]
        missing = entries
        async with asyncio.timeout(MAX_SECONDS):
            while missing:  # a busy broker may not confirm everything at the first attempt
                with suppress(BrokerUnavailable):
                    published = await broker.publisher.publish(missing)
                    missing = [each for each in missing if each.event.id not in published.stored]
        assert len(await broker.stored("payment:created")) == 600

    async def test_an_event_that_is_too_large_or_not_unicode_is_rejected_and_blocks_no_other(
        self, broker: Broker
    ) -> None:
        large = [refunded("a", "x" * 2**16), refunded("b", "x" * 2**20), refunded("c", "x" * 2**23)]
        broken = refunded(reason="\ud800")
        published = await broker.publisher.publish([large[0], broken, created(), *large[1:]])
        assert published.stored == {created().event.id}
        assert published.rejected.keys() == {entry.event.id for entry in (*large, broken)}
        assert all("bytes" in published.rejected[entry.event.id] for entry in large)
        assert (await broker.publisher.publish([failed()])).stored
