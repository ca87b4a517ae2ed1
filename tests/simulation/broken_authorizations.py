"""Histories in which one promise about authorised money is broken, as in `broken_histories`."""

from typing import Final

from attrs import evolve

from payments_kit.simulation.model.records import History
from payments_kit.simulation.model.reports import Reply
from tests.simulation.histories import (
    AUTHORIZED,
    CAPTURED_BY_AN_OPERATOR,
    EMPTY,
    LESS,
    PART_CAPTURED,
    RAN_OUT,
    RELEASED_AT_ONCE,
    SHIPPED,
    TERMS,
    VOIDED,
    after,
    authorized,
    charge,
    created,
    declined,
    expiring,
    failed,
    held,
    manual,
    order,
    reply,
    voided,
)

AUTHORIZATIONS: Final[dict[str, tuple[History, tuple[str, ...]]]] = {
    "an end of an authorization that nobody has noticed": (
        evolve(AUTHORIZED, charges=[], holds=[]),
        ("2: payment p1 is authorized, and nothing is held for it",),
    ),
    "money that is held for a payment that was voided": (
        evolve(VOIDED, charges=AUTHORIZED.charges),
        ("2: charge ch_1 is held, but payment p1 is cancelled",),
    ),
    "money that was held to its end for an unknown payment": (
        evolve(EMPTY, holds=[held("expired")]),
        ("9: ch_1 was held to its end, and its payment is unknown",),
    ),
    "money that was held to its end for a failed payment": (
        evolve(
            EMPTY,
            orders=[order(declined(), status="created")],
            events=[failed()],
            holds=[held("expired")],
        ),
        ("9: ch_1 was held to its end, and payment p1 is failed (card_declined)",),
    ),
    "money that was held to its end for a cancelled order": (
        evolve(RELEASED_AT_ONCE, holds=[held("expired")]),
        ("9: ch_1 was held to its end, and payment p1 is cancelled (order_cancelled)",),
    ),
    "a capture of more than was shipped": (
        evolve(
            PART_CAPTURED,
            order_events=[TERMS, SHIPPED._replace(shipped=100)],
        ),
        ("10: 9900 of payment p1 is captured, not one of [100]",),
    ),
    "a capture that nobody has asked for": (
        evolve(CAPTURED_BY_AN_OPERATOR, captures_asked=[("p2", 9_900)]),
        ("10: 9900 of payment p1 is captured, not one of []",),
    ),
    "a capture of more than was authorised": (
        evolve(
            PART_CAPTURED,
            charges=[charge(amount=LESS._replace(minor_units=10_001), authorized_at=None)],
            orders=[
                order(manual(1, "succeeded", captured=LESS._replace(minor_units=10_001))),
            ],
            events=[authorized(), created()._replace(body={**created().body, "amount": 10_001})],
            captures_asked=[("p1", 10_001)],
        ),
        ("2: payment p1 is 10000 usd, charge ch_1 10001 usd",),
    ),
    "a shipment that was forgotten": (
        evolve(RAN_OUT, order_events=[TERMS, SHIPPED]),
        ("9: order o1 was shipped, and payment p1 was not captured",),
    ),
    "a shipment that was captured a day later": (
        evolve(
            PART_CAPTURED,
            charges=[charge(amount=LESS, authorized_at=after(1), captured_at=after(90_000))],
            events=[PART_CAPTURED.events[0]._replace(at=after(1)), PART_CAPTURED.events[1]],
            healed_at=after(60),
        ),
        ("9: order o1 was shipped, payment p1 was captured too late",),
    ),
    "no payment:authorized": (
        evolve(AUTHORIZED, events=[]),
        ("3: payment p1 was authorised, and this was never published",),
    ),
    "no payment:authorized before payment:created": (
        evolve(PART_CAPTURED, events=PART_CAPTURED.events[1:]),
        ("3: payment p1 was authorised, and this was never published",),
    ),
    "payment:authorized after payment:created": (
        evolve(PART_CAPTURED, events=PART_CAPTURED.events[::-1], committed=None),
        ("3: authorized:p1 was delivered after created:p1",),
    ),
    "payment:authorized for a cancelled order": (
        evolve(
            RELEASED_AT_ONCE,
            events=[authorized(), voided("order_cancelled")],
            committed=["authorized:p1", "voided:p1"],
        ),
        ("3: payment p1 was released at once, and published as authorised",),
    ),
    "payment:voided before payment:authorized": (
        evolve(VOIDED, events=[voided(), authorized()], committed=None),
        ("3: voided of payment p1 was delivered before its authorisation",),
    ),
    "payment:expiring before payment:authorized": (
        evolve(RAN_OUT, events=[expiring(), authorized(), RAN_OUT.events[2]], committed=None),
        ("3: expiring of payment p1 was delivered before its authorisation",),
    ),
    "no payment:voided": (
        evolve(VOIDED, events=[authorized()]),
        ("3: payment p1 is cancelled and was never published",),
    ),
    "payment:created with the authorised amount": (
        evolve(PART_CAPTURED, events=[authorized(), created()]),
        ("3: amount of created:p1 is 10000, but it is 9900 in the books",),
    ),
    "payment:authorized with another end": (
        evolve(
            AUTHORIZED,
            events=[
                authorized()._replace(
                    body={**authorized().body, "expiresAt": "2026-01-02T00:00:00Z"}
                )
            ],
        ),
        ("3: payment:authorized of p1 has expiresAt 2026-01-02",),
    ),
    "payment:voided with another reason": (
        evolve(VOIDED, events=[authorized(), voided("order_cancelled")]),
        ("3: payment:voided of p1 has reason order_cancelled, but it is voided",),
    ),
    **{
        f"payment:expiring {hours} hours before the end": (
            evolve(
                RAN_OUT, events=[authorized(), expiring(hours), voided("authorization_expired")]
            ),
            ("3: payment p1 ends at",),
        )
        for hours in (25, -1)
    },
    "no payment:expiring": (
        evolve(RAN_OUT, events=[authorized(), voided("authorization_expired")]),
        ("3: payment p1 has run out, and was never published as expiring",),
    ),
    "payment:voided of a payment that is captured": (
        evolve(
            PART_CAPTURED,
            events=[authorized(), voided(), PART_CAPTURED.events[1]],
            committed=["authorized:p1", "voided:p1", "created:p1"],
        ),
        ("6: payment p1 was published as voided, and is succeeded",),
    ),
    "201 about an authorization, and then declined": (
        evolve(
            EMPTY,
            orders=[order(declined(), status="created")],
            events=[failed()],
            replies=[reply(201, status="authorized")],
        ),
        ("6: the reply was that p1 is authorised, but it is",),
    ),
    "a void that was confirmed, and a capture": (
        evolve(
            PART_CAPTURED, replies=[Reply(200, "p1", None, "void", body={"status": "cancelled"})]
        ),
        ("6: the operator was told that p1 is cancelled, but it is",),
    ),
    "a capture that was confirmed, and a void": (
        evolve(VOIDED, replies=[Reply(200, "p1", None, "capture", body={"status": "succeeded"})]),
        ("6: the operator was told that p1 is succeeded, but it is",),
    ),
    "a release that never ends": (
        evolve(AUTHORIZED, orders=[order(manual(code="voided"), status="created")]),
        ("9: payment p1 is still to be released: voided",),
    ),
    "a capture that never ends": (
        evolve(AUTHORIZED, orders=[order(manual(requested=LESS), status="created")]),
        ("9: 9900 usd of payment p1 is still to be captured",),
    ),
}
