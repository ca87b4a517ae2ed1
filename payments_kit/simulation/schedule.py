"""Schedule: when the next check, delivery or timer is due, if every process is idle."""

from datetime import datetime

from payments_kit.simulation.runtime import BEGINNING, SimulatedRuntime


def has_events_to_publish(runtime: SimulatedRuntime) -> bool:
    """Whether the outbox holds an event that is not published yet."""
    outbox = runtime.database.outbox.values()
    return any(not each.sent and each.parked is None for each in outbox)


def next_delivery(runtime: SimulatedRuntime) -> datetime | None:
    """Return when the broker delivers the next message."""
    broker = runtime.broker
    due = [at for consumer in broker._consumers.values() for at in consumer.due.values()]
    if any(consumer.seen < len(broker.log) for consumer in broker._consumers.values()):
        due.append(runtime.now())
    return min(due, default=None)


def next_event(runtime: SimulatedRuntime) -> float | None:
    """Return the virtual time of the next check, delivery or timer; None if there is none."""
    database = runtime.database
    times = [
        check_at
        for _, order in database.orders.values()
        for check_at in (
            *(payment.next_check_at for payment in order.payments),
            *(refund.next_check_at for refund in order.refunds),
        )
        if check_at is not None
    ]
    if has_events_to_publish(runtime) and database.relay_lease is not None:
        times.append(database.relay_lease[1])
    if (delivery := next_delivery(runtime)) is not None:
        times.append(delivery)
    seconds = [(time - BEGINNING).total_seconds() for time in times]
    if (timer := runtime.loop.next_timer()) is not None:
        seconds.append(timer)
    return min(seconds, default=None)
