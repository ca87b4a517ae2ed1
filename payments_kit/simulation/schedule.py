"""Schedule: when the next check, delivery or timer is due, if every process is idle."""

from datetime import datetime

from payments_kit.simulation.runtime import BEGINNING, SimulatedRuntime


def has_events_to_publish(runtime: SimulatedRuntime) -> bool:
    """Whether the outbox holds an event that is not published yet."""
    outbox = runtime.database.outbox.values()
    return any(not each.sent and each.parked is None for each in outbox)


def next_delivery(runtime: SimulatedRuntime) -> datetime | None:
    """Return when the broker delivers the next message."""
    broker, due = runtime.broker, list[datetime]()
    for consumer in broker._consumers.values():
        due += consumer.due.values()
        if consumer.seen < len(broker.log):
            due.append(runtime.now())
    return min(due, default=None)


def next_event(runtime: SimulatedRuntime) -> float | None:
    """Return the virtual time of the next check, delivery or timer; None if there is none."""
    database, times = runtime.database, list[datetime]()
    for _, order in database.orders.values():
        checks = [payment.next_check_at for payment in order.payments]
        checks += [refund.next_check_at for refund in order.refunds]
        times += [check_at for check_at in checks if check_at is not None]
    if database.relay_lease is not None and has_events_to_publish(runtime):
        times.append(database.relay_lease[1])
    if (delivery := next_delivery(runtime)) is not None:
        times.append(delivery)
    timer = runtime.loop.next_timer()
    if not times:
        return timer
    first = (min(times) - BEGINNING).total_seconds()
    return first if timer is None else min(first, timer)
