"""How deliveries end is counted, and a dead letter is an alert."""

from collections import Counter
from datetime import timedelta

from adapters.messaging.wire import Message
from application.ports.alerts import AlertKind
from entrypoints.worker.observed_events import ObservedEvents
from tests.world import World


async def test_ends_of_deliveries_and_waiting_events_are_counted_a_dead_letter_is_an_alert() -> (
    None
):
    world, counts, waiting = World(), Counter[tuple[str, str]](), list[int]()
    for number in range(3):
        world.broker.store(Message("order:created", b"%d" % number, {"ce-id": str(number)}))
    events = ObservedEvents(
        world.broker.subscribe("payments", "order:created"),
        lambda subject, result: counts.update([(subject, result)]),
        world.alerts,
        lambda progress: waiting.append(progress.waiting),
    )
    await events.progress()
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
    await events.progress()
    assert waiting == [3, 1]
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.DEAD_LETTER, "order:created")
    assert alert.text == "ticket.price: must be a number"
