"""What does not get better by itself, for the logs and for `payments doctor`."""

from datetime import timedelta
from typing import Final

from adapters.persistence.sql.backlog import Backlog
from domain.payment import PaymentStatus

# A payment is settled within 30 s of the gateway's return, so one this old means it has not returned.
STUCK: Final = timedelta(minutes=5)

# An event leaves within a second; one this old means that NATS is gone or no relay runs.
EVENT_STUCK: Final = timedelta(minutes=1)


def find_alerts(seen: Backlog) -> list[str]:
    """One line for each."""
    found = []
    if seen.oldest_open is not None and seen.oldest_open > STUCK:
        found.append(f"a payment has been open for {seen.oldest_open}: is the gateway there?")
    if seen.oldest_event is not None and seen.oldest_event > EVENT_STUCK:
        found.append(
            f"{seen.events_waiting} events wait, the oldest for {seen.oldest_event}:"
            " is NATS there, and a worker with the role relay?"
        )
    if review := seen.unfinished.get(PaymentStatus.REVIEW):
        found.append(f"{review} payments are in review: the gateway took something else")
    if seen.refunds_failed:
        found.append(f"{seen.refunds_failed} refunds were refused: the money is still here")
    if seen.events_parked:
        found.append(f"{seen.events_parked} events could not be published and are parked")
    return found
