"""Alerts: problems that need an operator, for the logs and for `payments doctor`."""

from datetime import timedelta
from typing import Final

from application.ports.backlog import Backlog
from domain.payment import PaymentStatus

# A payment is settled at the latest 30 s after the gateway is reachable again. If one is open for
# minutes, the gateway does not reply, or no worker runs the role recover.
MAX_OPEN: Final = timedelta(minutes=5)

# An event is published within a second. If one waits for a minute, NATS is down or no relay runs.
MAX_EVENT_AGE: Final = timedelta(minutes=1)


def find_alerts(backlog: Backlog) -> list[str]:
    """Return one line for each problem that needs an operator."""
    alerts = []
    if backlog.oldest_open is not None and backlog.oldest_open > MAX_OPEN:
        alerts.append(f"a payment has been open for {backlog.oldest_open}: does the gateway reply?")
    if backlog.oldest_event is not None and backlog.oldest_event > MAX_EVENT_AGE:
        alerts.append(
            f"{backlog.events_waiting} events wait, the oldest for {backlog.oldest_event}:"
            " is NATS up, and does a worker with the role relay run?"
        )
    if review := backlog.unfinished.get(PaymentStatus.REVIEW):
        alerts.append(f"{review} payments are in review: the charge differs from the request")
    if backlog.refunds_failed:
        alerts.append(f"{backlog.refunds_failed} refunds failed: their money is not given back")
    if backlog.events_parked:
        alerts.append(f"{backlog.events_parked} events could not be published and are parked")
    return alerts
