"""Histories and commits in which a dispute is not told as it is; see `broken_histories`."""

from datetime import timedelta
from typing import Final

from attrs import evolve

from payments_kit.simulation.model.records import BookedDispute, BookedOrder, Event, History
from payments_kit.simulation.model.reports import GatewayDispute
from tests.simulation.histories import MONEY, NOW, PAID, PRICE, created, event, order, payment

DUE_BY: Final = NOW + timedelta(days=7)
LOST: Final = BookedDispute("d1", "p1", "lost", "ch_1", "fraudulent")
AT_THE_GATEWAY: Final = GatewayDispute("d1", "ch_1", PRICE, "fraudulent", ("open", "lost"), DUE_BY)
TAKEN_BACK: Final = GatewayDispute("d2", "ch_1", PRICE, "reversed", ("lost",), is_told=False)


def told(status: str, **body: object) -> Event:
    """Return the event of a state of the dispute."""
    named = {"disputeId": "d1", "stripeId": "ch_1", "reason": "fraudulent", "status": status}
    return event("disputed", **{**named, **MONEY, **body})._replace(id=f"d1:{status}")


OPENED: Final = told("open", dueBy=DUE_BY.isoformat())


def disputed(*events: Event, ours: BookedDispute | None = LOST) -> History:
    """Return a shop with a dispute that is lost at the gateway."""
    return evolve(
        PAID,
        orders=[order(payment(), disputes=() if ours is None else (ours,))],
        events=[created(), *events],
        committed=["created:p1", *dict.fromkeys(each.id for each in events)],
        disputes=[AT_THE_GATEWAY],
    )


LOST_DISPUTE: Final = disputed(OPENED, told("lost"))

RIGHT_DISPUTES: Final = {
    "a dispute that is lost": LOST_DISPUTE,
    "the first state that is reported is the last": disputed(told("lost")),
    "money that is taken back beside a dispute": evolve(
        LOST_DISPUTE, disputes=[AT_THE_GATEWAY, TAKEN_BACK]
    ),
    "a dispute that was told of the other one of two charges, before both were lost": evolve(
        disputed(OPENED, told("lost", id="p0")), has_lost_transactions=True
    ),
    "a dispute of a charge that is not captured": evolve(
        PAID, disputes=[AT_THE_GATEWAY._replace(charge_id="ch_9")]
    ),
}

DISPUTES: Final = {
    "a dispute that was told of another payment": (
        disputed(OPENED, told("lost", id="p0")),
        (
            "3: d1:lost was published, and its payment is unknown",
            "3: dispute d1 is lost, which was never published",
        ),
    ),
    "a dispute that the books lack": (
        disputed(ours=None),
        ("2: dispute d1 of p1 is lost, and ours is not in the books",),
    ),
    "money that is taken back, and the books lack it": (
        evolve(PAID, disputes=[TAKEN_BACK._replace(is_told=True)]),
        ("2: dispute d2 of p1 is lost, and ours is not in the books",),
    ),
    "a dispute that is still open in the books": (
        disputed(OPENED, ours=LOST._replace(status="open")),
        ("2: dispute d1 of p1 is lost, and ours is ",),
    ),
    "a dispute that the gateway does not know": (
        evolve(LOST_DISPUTE, disputes=[], events=[created()]),
        (
            "2: the gateway has no dispute d1",
            "3: dispute d1 is lost, which was never published",
        ),
    ),
    "a state that a dispute never had": (
        disputed(OPENED, told("lost"), told("won")),
        ("3: d1:won was published, and the dispute was never won",),
    ),
    "an open dispute after it was lost": (
        disputed(told("lost"), OPENED),
        ("3: dispute d1 was published as open after a later state",),
    ),
    "a dispute about another amount": (
        disputed(OPENED, told("lost", amount=1)),
        ("3: amount of d1:lost is 1, but it is 10000 at the gateway",),
    ),
    "a dispute without the time for evidence": (
        disputed(told("open"), told("lost")),
        ("3: dueBy of d1:open is None, but it is ",),
    ),
    "a lost dispute that awaits evidence": (
        disputed(OPENED, told("lost", dueBy=DUE_BY.isoformat())),
        ("3: d1:lost awaits evidence, although the dispute has ended",),
    ),
}


def with_disputes(*disputes: BookedDispute) -> BookedOrder:
    return order(payment(), disputes=disputes)


WON: Final = LOST._replace(status="won")
REVERSED: Final = BookedDispute("d2", "p1", "lost", "ch_1", "reversed")
