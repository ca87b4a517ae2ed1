"""How deliveries end is counted, and a dead letter is an alert."""

from collections import Counter
from datetime import timedelta

from adapters.messaging.wire import Message
from application.ports.alerts import AlertKind
from entrypoints.worker.observed_events import ObservedEvents
from tests.world import World


async def test_every_end_of_a_delivery_is_counted_and_a_dead_letter_is_an_alert() -> None:
    world, counts = World(), Counter[tuple[str, str]]()
    for number in range(3):
        world.broker.store(Message("order:created", b"%d" % number, {"ce-id": str(number)}))
    events = ObservedEvents(
        world.broker.subscribe("payments", "order:created"),
        lambda subject, result: counts.update([(subject, result)]),
        world.alerts,
    )
    first, second, third = await events.fetch(10, timedelta(0))
    assert (first.data, dict(first.headers), first.deliveries) == (b"0", {"ce-id": "0"}, 1)
    await first.ack()
    await second.retry(timedelta(seconds=1))
    await third.dead_letter("ticket.price: must be a number")
    assert counts == {
        ("order:created", "applied"): 1,
        ("order:created", "retried"): 1,
        ("order:created", "dead_letter"): 1,
    }
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.DEAD_LETTER, "order:created")
    assert alert.text == "ticket.price: must be a number"
