"""Histories of refunds that banks return, or that a gateway has lost; see `broken_histories`."""

from typing import Final

from attrs import evolve

from tests.simulation.histories import GIVEN_BACK, IN_REVIEW, PAID, order, payment, refund, refunded

RETURNED: Final = evolve(
    PAID,
    orders=[order(payment(), refunds=(refund(status="failed"),))],
    events=[*PAID.events, refunded()],
    committed=["created:p1", "refunded:r1", "refund_failed:r1"],
)
_TOLD: Final = refunded()._replace(id="refund_failed:r1", subject="payment:refund_failed")
FORGOTTEN: Final = evolve(
    GIVEN_BACK, differences=[("refund_unknown", "r1")], forgotten_refunds=["r1"]
)

RIGHT_REFUNDS: Final = {
    "a refund that a bank returned": evolve(RETURNED, events=[*RETURNED.events, _TOLD]),
    "a refund that the gateway has lost": FORGOTTEN,
    "a refund that our books never knew to have succeeded": evolve(
        PAID, differences=[], forgotten_refunds=["r9"]
    ),
    "another amount that an operator was told of": evolve(
        IN_REVIEW, differences=[("amount", "p1")]
    ),
}

REFUNDS: Final = {
    "a returned refund that was published as done": (
        RETURNED,
        ("3: refund r1 was published, and its failure was not",),
    ),
    "a failure that was published of a refund that succeeded": (
        evolve(
            GIVEN_BACK,
            events=[*GIVEN_BACK.events, _TOLD],
            committed=[*(GIVEN_BACK.committed or ()), _TOLD.id],
        ),
        ("3: refund_failed:r1 was published, and the refund is succeeded",),
    ),
    "a refund that the gateway has lost, and nobody was told": (
        evolve(FORGOTTEN, differences=[]),
        ("2: the gateway has no refund r1 any more, and no operator was told",),
    ),
    "a refund that the gateway has, and an operator was told that it has not": (
        evolve(FORGOTTEN, forgotten_refunds=[]),
        ("2: an operator was told refund_unknown of r1, and the books agree",),
    ),
}
