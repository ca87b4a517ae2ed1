"""Webhooks: the delivery of the gateway's notifications to the service."""

import asyncio
import random
from typing import Final

from attrs import field, frozen

from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
)
from application.use_cases.apply_deferred_notifications import DEFERRED_FOR
from domain.dispute import REVERSED
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.cluster import Cluster
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.model.reports import ConfirmedReport
from payments_kit.simulation.trace import Trace, describe

# Stripe waits some 20 s for a reply, and repeats a notification for three days
# (https://docs.stripe.com/webhooks#retries).
_REPLY_SECONDS: Final = 20.0
_MAX_TRIES: Final = 10

_LATEST: Final = DEFERRED_FOR.total_seconds() + 1.0
"""At the edge of a limit: notifications of unknown payments are not kept longer."""

_OK: Final = 200


@frozen
class Webhooks:
    """Delivers notifications; they may be lost, late, or sent twice."""

    loop: SimulatedLoop
    injector: FaultInjector
    trace: Trace
    cluster: Cluster
    draw: random.Random
    sent: list[tuple[str, Notification]] = field(factory=list)
    """Every notification so far, lost or not, with the name of its gateway."""
    confirmed: set[str] = field(factory=set)
    """The notifications that the service has confirmed while faults occurred."""
    reports: list[ConfirmedReport] = field(factory=list)
    """What it has confirmed of disputes and refunds of others."""

    def send(self, gateway: str, notification: Notification) -> None:
        """Send a notification of a gateway, unless it is lost."""
        self.trace.count(Activity.NOTIFIES)
        self.sent.append((gateway, notification))
        occurs = self.injector.occurs
        if occurs(FaultKind.NOTIFICATION_LOST, "webhook"):
            return
        for _ in range(2 if occurs(FaultKind.NOTIFICATION_TWICE, "webhook") else 1):
            delay = self.draw.uniform(0.0, 0.2)
            if occurs(FaultKind.NOTIFICATION_LATE, "webhook"):
                delay = 10 ** self.injector.uniform(FaultKind.NOTIFICATION_LATE, 0.0, 5.0)
                delay = self.injector.edges.of(delay, _LATEST)
            # Outside all processes: the one that caused it may have crashed by then.
            outside = self.loop.outside
            self.loop.call_later(delay, self._begin, gateway, notification, context=outside)

    def deliver(self, gateway: str, notification: Notification) -> None:
        """Begin to deliver a notification of a gateway; it is never lost."""
        self.sent.append((gateway, notification))
        self._begin(gateway, notification)

    def send_again(self) -> None:
        """Deliver every notification so far again, as after an outage of the service."""
        for gateway, notification in list(self.sent):
            self._begin(gateway, notification)

    def _begin(self, gateway: str, notification: Notification) -> None:
        self.loop.start(None, self._deliver(gateway, notification))

    async def _deliver(self, gateway: str, notification: Notification) -> None:
        """Repeat a notification until the reply is 200, as a gateway does."""
        body = notification.id.encode()
        for attempt in range(_MAX_TRIES):
            serve = self.cluster.choose_serve()
            if serve is not None:
                self.trace.record(serve.process.name, f"receives {describe(notification)}")
                receiving = self.loop.spawn(
                    serve.process, serve.receive(gateway, notification, body)
                )
                await asyncio.wait([receiving], timeout=_REPLY_SECONDS)
                if receiving.done() and receiving.result() == _OK:
                    self.reports.extend(_report_of(gateway, notification))
                    if not self.injector.is_healed:
                        self.confirmed.add(notification.id)
                    return
            await asyncio.sleep(5.0 * 2**attempt)


def _report_of(gateway: str, notification: Notification) -> list[ConfirmedReport]:
    match notification:
        case DisputeNotification(charge_id=charge_id, dispute_id=name, status=status):
            if notification.reason == REVERSED:
                return []  # another dispute of the charge may tell of it
            return [ConfirmedReport(gateway, charge_id, name, status.value)]
        case ExternalRefundNotification(charge_id=charge_id, reported=reported):
            return [ConfirmedReport(gateway, charge_id, reference=reported.reference)]
        case _:
            return []
