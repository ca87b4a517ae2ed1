"""Histories in which limits of declined cards are not kept; see `broken_histories`."""

from datetime import timedelta
from typing import Final

from attrs import evolve

from payments_kit.simulation.model.reports import Attempt, DeclineLimits
from tests.simulation.histories import DECLINED_FIRST, after

LIMITS: Final = DeclineLimits(timedelta(minutes=10), {"user": 1, "address": 2})
SOURCES: Final = ("user:u1", "address:a")

DECLINED: Final = Attempt(SOURCES, after(0), 402, after(1), ("p1",), "p1")
BEGUN: Final = Attempt(SOURCES, after(5), 201, after(6), ("p2",))
REFUSED: Final = Attempt(SOURCES, after(5), 429, after(6), ("p3",))
_OTHER: Final = REFUSED._replace(sources=("user:u2", "address:b"))

_SHOP: Final = evolve(DECLINED_FIRST, decline_limits=LIMITS)

RIGHT_DECLINES: Final = {
    "a user who is refused after a declined card": evolve(_SHOP, attempts=[DECLINED, REFUSED]),
    "a user who pays when the limit has ended": evolve(
        _SHOP,
        attempts=[DECLINED, BEGUN._replace(asked_at=after(700), replied_at=after(701))],
    ),
    "a card that was declined long after its payer was gone": evolve(
        _SHOP,
        attempts=[
            DECLINED._replace(status=None, replied_at=None),
            REFUSED._replace(asked_at=after(1300), replied_at=after(1301)),
        ],
    ),
    "a payment that was cancelled with its order, which is no declined card": evolve(
        _SHOP, attempts=[DECLINED._replace(code="canceled"), BEGUN]
    ),
    "a debit that a bank returned before the reply, which is no declined card": evolve(
        _SHOP, attempts=[DECLINED._replace(code="debit_not_authorized"), BEGUN]
    ),
    "a decline that was not counted": evolve(
        _SHOP,
        attempts=[DECLINED, BEGUN],
        decline_limits=LIMITS._replace(counts_all=False),
    ),
}

DECLINES: Final = {
    "another user who is refused": (
        evolve(_SHOP, attempts=[DECLINED, _OTHER]),
        ("8: ('user:u2', 'address:b') were refused without so many declined cards",),
    ),
    "a limit that does not end": (
        evolve(
            _SHOP,
            attempts=[DECLINED, REFUSED._replace(asked_at=after(620), replied_at=after(621))],
        ),
        ("8: ('user:u1', 'address:a') were refused without so many declined cards",),
    ),
    "a limit that does not end, for a card of which nobody was told": (
        evolve(
            _SHOP,
            attempts=[
                DECLINED._replace(status=None, replied_at=None),
                REFUSED._replace(asked_at=after(1340), replied_at=after(1341)),
            ],
        ),
        ("8: ('user:u1', 'address:a') were refused without so many declined cards",),
    ),
    "a limit that does not limit": (
        evolve(_SHOP, attempts=[DECLINED, BEGUN]),
        ("10: user:u1 has 1 declined cards, and ['p2'] began",),
    ),
}
