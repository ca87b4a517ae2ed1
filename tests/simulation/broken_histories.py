"""Histories in which one promise is broken, each in another way; see `histories`.

Each has the beginnings of the violations that follow from it, and of no others.
"""

from typing import Final

from attrs import evolve

from payments_kit.simulation.model.records import BookedDispute, History
from payments_kit.simulation.model.reports import GivenBack, Reply
from tests.simulation.broken_authorizations import AUTHORIZATIONS
from tests.simulation.broken_declines import DECLINES
from tests.simulation.broken_disputes import DISPUTES
from tests.simulation.broken_reads import READS
from tests.simulation.broken_recordings import RECORDINGS
from tests.simulation.broken_refunds import REFUNDS
from tests.simulation.broken_refusals import REFUSALS
from tests.simulation.histories import (
    ACCEPTED,
    AUTHORIZED,
    CANCELLED,
    CANCELLED_MEANWHILE,
    DECLINED_FIRST,
    EMPTY,
    GIVEN_BACK,
    IN_REVIEW,
    LESS,
    NEVER_SENT,
    OTHER_CHARGE_REFUNDED,
    PAID,
    PAID_ELSEWHERE_TOO,
    PENDING_EVENT,
    PENDING_FIRST,
    PRICE,
    REPRICED,
    TERMS,
    after,
    authorized,
    charge,
    created,
    declined,
    failed,
    letter,
    manual,
    order,
    payment,
    refund,
    refunded,
    reply,
)

Broken = dict[str, tuple[History, tuple[str, ...]]]

ONCE: Final[Broken] = {
    "two charges stand, one of them in review": (
        evolve(
            PAID,
            charges=[charge(), charge(2)],
            orders=[order(payment(), payment(2, "review"))],
        ),
        ("1: order o1 is charged 2 times: ['ch_1', 'ch_2']",),
    ),
    "two payments may take money": (
        evolve(
            PAID,
            charges=[charge(), charge(2, state="held", captured_at=None)],
            orders=[order(payment(), manual(2))],
            events=[authorized(2), *PAID.events],
            committed=["authorized:p2", "created:p1"],
        ),
        ("1: order o1 has 2 live payments",),
    ),
    "a paid order is claimed again, and the second charge is given back": (
        evolve(
            PAID,
            charges=[charge(), charge(2, claimed_at=after(9), captured_at=after(9))],
            refunds=[GivenBack("ch_2", PRICE, "r2")],
            orders=[order(payment(), payment(2, "reversed"), refunds=(refund(2, payment=2),))],
            events=[created(), refunded(2, payment=2)],
            committed=["created:p1", "refunded:r2"],
        ),
        ("1: order o1 was paid by ch_1, then by ch_2",),
    ),
    **{
        f"a paid order is claimed again elsewhere, {how}": (
            history,
            ("1: order o1 was paid by ch_1, then by ch_2",),
        )
        for how, history in {
            "although nobody was asked in vain": evolve(PAID_ELSEWHERE_TOO, not_listed={}),
            "and only the other gateway was asked in vain": evolve(
                PAID_ELSEWHERE_TOO, not_listed={"p2": {"other": [after(8)]}}
            ),
            "and only another process asked its gateway in vain": evolve(
                PAID_ELSEWHERE_TOO, not_listed={"p1": {"fake": [after(8)]}}
            ),
            "and its gateway was asked in vain before": evolve(
                PAID_ELSEWHERE_TOO, not_listed={"p2": {"fake": [after(-1)]}}
            ),
            "and its gateway was asked in vain later": evolve(
                PAID_ELSEWHERE_TOO, not_listed={"p2": {"fake": [after(13)]}}
            ),
        }.items()
    },
    "a paid order is claimed again elsewhere, and nothing was lost": (
        evolve(PAID_ELSEWHERE_TOO, has_lost_transactions=False),
        (
            "1: order o1 was paid by ch_1, then by ch_2",
            "3: payment p1 was published as created and is reversed",
            "6: the reply was that p1 is paid, but it is reversed",
        ),
    ),
}

BOOKS: Final[Broken] = {
    "a charge whose payment is unknown": (
        evolve(EMPTY, charges=[charge()]),
        ("2: charge ch_1 exists, but payment p1 is unknown",),
    ),
    "a charge whose payment has failed": (
        evolve(
            EMPTY,
            charges=[charge()],
            orders=[order(declined(), status="created")],
            events=[failed()],
        ),
        ("2: charge ch_1 exists, but payment p1 is failed",),
    ),
    "another amount than is recorded": (
        evolve(PAID, charges=[charge(amount=LESS)]),
        ("2: payment p1 captured 10000 usd with ch_1, charge ch_1 9900", "2: 9900 of charge ch_1"),
    ),
    "another currency than is recorded": (
        evolve(PAID, charges=[charge(amount=PRICE._replace(currency="eur"))]),
        ("2: payment p1 captured 10000 usd with ch_1, charge ch_1 10000 eur",),
    ),
    "another amount than was asked for, and no review": (
        evolve(
            PAID,
            charges=[charge(amount=LESS)],
            orders=[order(payment(captured=LESS))],
            events=[created()._replace(body={**created().body, "amount": 9_900})],
        ),
        ("2: payment p1 is 10000 usd, charge ch_1 9900 usd",),
    ),
    "a payment without a charge": (
        evolve(PAID, charges=[]),
        ("2: payment p1 is succeeded without a charge",),
    ),
    "a charge that two payments record": (
        evolve(PAID, orders=[order(payment(), payment(2, "review", charge_id="ch_1"))]),
        ("2: charge ch_1 is recorded twice",),
    ),
    "a reversed payment whose money is kept": (
        evolve(
            EMPTY,
            charges=[charge()],
            orders=[order(payment(1, "reversed"), status="created")],
        ),
        ("2: reversed charge ch_1 is kept",),
    ),
    "a reversed payment of another amount whose money is kept": (
        evolve(
            EMPTY,
            charges=[charge(amount=LESS)],
            orders=[
                order(
                    payment(1, "reversed", captured=LESS, code="amount_mismatch"), status="created"
                )
            ],
        ),
        ("2: reversed charge ch_1 is kept",),
    ),
    "another amount than was asked for, reversed for another reason": (
        evolve(
            EMPTY,
            charges=[charge(amount=LESS)],
            orders=[
                order(payment(1, "reversed", captured=LESS, code="order_expired"), status="created")
            ],
        ),
        ("2: payment p1 is 10000 usd, charge ch_1 9900 usd",),
    ),
    "a charge of another order": (
        evolve(PAID, charges=[charge(order_id="o2")], replies=[]),
        ("2: payment p1 of charge ch_1 is recorded on another order",),
    ),
    "money that is held without a payment": (
        evolve(EMPTY, charges=[charge(state="held", captured_at=None)]),
        ("2: charge ch_1 is held, but payment p1 is unknown",),
    ),
    "a debit whose payment has failed": (
        evolve(
            EMPTY,
            charges=[charge(state="pending", captured_at=None)],
            orders=[order(declined(), status="created")],
            events=[failed()],
        ),
        ("2: charge ch_1 is pending, but payment p1 is failed",),
    ),
    "a refund that the books do not have": (
        evolve(
            GIVEN_BACK,
            orders=[order(payment(), status="cancelled", version=1)],
            events=[created()],
        ),
        (
            "2: the gateway refunded 10000 usd for r1, and ours is not in the books",
            "2: 0 of charge ch_1 is kept",
        ),
    ),
    "a refund that was sent twice": (
        evolve(GIVEN_BACK, refunds=[GivenBack("ch_1", PRICE, "r1")] * 2),
        (
            "2: the gateway has given r1 back twice",
            "10: more than charge ch_1 was given back",
            "2: -10000 of charge ch_1 is kept",
        ),
    ),
    "a refund that the gateway does not have": (
        evolve(GIVEN_BACK, refunds=[]),
        (
            "2: the gateway has no refund r1",
            "2: 10000 of charge ch_1 is kept, we record 0",
            "4: order o1 is cancelled and charge ch_1 is kept",
        ),
    ),
    "an external refund that the books do not have": (
        evolve(PAID, refunds=[GivenBack("ch_1", LESS)]),
        ("2: 100 of charge ch_1 is kept, we record 10000",),
    ),
    "more refunds in the books than money": (
        evolve(
            GIVEN_BACK,
            refunds=[
                GivenBack("ch_1", PRICE, "r1"),
                GivenBack("ch_1", PRICE._replace(minor_units=0)),
            ],
            orders=[order(payment(), refunds=(refund(), refund(2)), status="cancelled", version=1)],
            events=[created(), refunded(), refunded(2)],
            committed=["created:p1", "refunded:r1", "refunded:r2"],
        ),
        ("10: 20000 of payment p1 is refunded, 10000 taken", "2: 0 of charge ch_1 is kept"),
    ),
}

FORBIDDEN: Final[Broken] = {
    "a cancelled order that keeps its money": (
        evolve(
            PAID,
            orders=[order(payment(), status="cancelled", version=1)],
            order_events=[TERMS, CANCELLED],
        ),
        ("4: order o1 is cancelled and charge ch_1 is kept",),
    ),
    "a cancelled order with money on hold": (
        evolve(
            AUTHORIZED,
            orders=[order(manual(), status="cancelled", version=1)],
            order_events=[TERMS, CANCELLED],
        ),
        ("4: order o1 is cancelled and charge ch_1 is held",),
    ),
    "an order that was captured after its expiry, and keeps its money": (
        evolve(
            PAID,
            charges=[charge(claimed_at=after(-20))],
            orders=[order(payment(), expires_at=after(-10))],
            order_events=[TERMS._replace(expires_at=after(-10))],
        ),
        ("4: order o1 was expired when ch_1 was captured, and it is kept",),
    ),
    "an order that was claimed after its expiry, and is given back": (
        evolve(
            CANCELLED_MEANWHILE,
            orders=[CANCELLED_MEANWHILE.orders[0]._replace(expires_at=after(-10))],
            order_events=[TERMS._replace(expires_at=after(-10)), CANCELLED],
        ),
        ("4: order o1 was expired when ch_1 was requested",),
    ),
    "a price that the order never had": (
        evolve(
            PAID, orders=[order(payment(), price=LESS)], order_events=[TERMS._replace(price=LESS)]
        ),
        ("7: payment p1 is 10000 usd, the order's price is 9900 usd",),
    ),
    "a price that the order no longer had": (
        evolve(
            REPRICED,
            order_events=[TERMS, TERMS._replace(version=1, price=LESS, stored_at=after(-5))],
        ),
        ("7: payment p1 is 10000 usd, the order's price is 9900 usd",),
    ),
    "another user's order": (
        evolve(
            PAID,
            orders=[order(payment(), user_id="u2")],
            order_events=[TERMS._replace(user_id="u2")],
        ),
        ("8: u1 pays for another user's order o1",),
    ),
    "a reply about another user's payment": (
        evolve(PAID, replies=[Reply(409, "p1", "u2", order_id="o1")]),
        ("8: the reply to u2 names another user's payment p1",),
    ),
    "a read of another user's payment": (
        evolve(PAID, replies=[Reply(200, "p1", "u2", "read")]),
        ("8: the reply to u2 names another user's payment p1",),
    ),
    "a secret in a log": (
        evolve(PAID, secrets=["tok_visa"], texts=["charging tok_visa now"]),
        ("8: a secret is in 'charging tok_visa now'",),
    ),
    "a secret in the books": (
        evolve(PAID, secrets=["tok_visa"], orders=[order(payment(code="tok_visa"))]),
        ("8: a secret is in",),
    ),
    "a secret in an event": (
        evolve(
            PAID,
            secrets=["tok_visa"],
            events=[created()._replace(body={**created().body, "token": "tok_visa"})],
        ),
        ("8: a secret is in",),
    ),
}

EVENTS: Final[Broken] = {
    "an id with two contents": (
        evolve(PAID, events=[created(), created()._replace(body={**created().body, "more": 1})]),
        ("3: event created:p1 has different contents",),
    ),
    "an id with two contents after a loss": (
        evolve(
            PAID,
            has_lost_transactions=True,
            events=[created(), created()._replace(body={**created().body, "amount": 1})],
        ),
        ("3: event created:p1 has different contents",),
    ),
    "a refund of a payment that was charged apart": (
        evolve(OTHER_CHARGE_REFUNDED, charges=[charge(), charge(2)]),
        ("3: id of refunded:r1 is p1, but it is p2 in the books",),
    ),
    "a refund of another payment, with nothing lost": (
        evolve(
            OTHER_CHARGE_REFUNDED,
            has_lost_transactions=False,
            committed=["created:p1", "refunded:r1"],
        ),
        (
            "3: refund r1 succeeded and was never published",
            "3: id of refunded:r1 is p1, but it is p2 in the books",
            "3: stripeId of refunded:r1 is ch_1, but it is ch_2 in the books",
        ),
    ),
    "an outcome under two ids": (
        evolve(
            PAID,
            events=[created(), created()._replace(id="another")],
            committed=["created:p1", "another"],
        ),
        ("3: payment:created of p1 was published under ['another', 'created:p1']",),
    ),
    "no payment:created": (
        evolve(PAID, events=[]),
        ("3: payment p1 succeeded and was never published",),
    ),
    "no payment:failed": (
        evolve(DECLINED_FIRST, events=[created(2)]),
        ("3: payment p1 is failed and was never published",),
    ),
    "no payment:refunded": (
        evolve(GIVEN_BACK, events=[created()]),
        ("3: refund r1 succeeded and was never published",),
    ),
    "no payment:pending": (
        evolve(PENDING_FIRST, events=[created()]),
        ("3: payment p1 was pending and was never published",),
    ),
    "no payment:disputed": (
        evolve(PAID, orders=[order(payment(), disputes=(BookedDispute("d1", "p1", "open"),))]),
        ("3: dispute d1 is open, which was never published",),
    ),
    "an event of an unknown payment": (
        evolve(PAID, events=[created(), created(2)], committed=["created:p1", "created:p2"]),
        ("3: created:p2 was published, and its payment is unknown",),
    ),
    "payment:created of a payment that was given back by itself": (
        evolve(CANCELLED_MEANWHILE, events=[created(), refunded()]),
        ("3: payment p1 was published as created and is reversed",),
    ),
    "payment:failed of a payment that was never sent": (
        evolve(NEVER_SENT, events=[failed(code="abandoned")]),
        ("3: payment p1 was never sent, and was published as failed",),
    ),
    "payment:refunded without a refund": (
        evolve(PAID, events=[created(), refunded()], committed=["created:p1", "refunded:r1"]),
        ("3: refunded:r1 was published, and the refund is None",),
    ),
    **{
        f"payment:created with another {name}": (
            evolve(PAID, events=[created()._replace(body={**created().body, name: value})]),
            (f"3: {name} of created:p1 is {value}, but it is",),
        )
        for name, value in (
            *(("amount", 10_001), ("currency", "eur"), ("stripeId", "pi_1"), ("gateway", "none")),
        )
    },
    "an event with another order": (
        evolve(PAID, events=[created()._replace(body={**created().body, "orderId": "o2"})]),
        ("3: orderId of created:p1 is o2, but it is o1 in the books",),
    ),
    "payment:failed with another code": (
        evolve(DECLINED_FIRST, events=[failed(code="expired_card"), created(2)]),
        ("3: code of failed:p1 is expired_card, but it is card_declined in the books",),
    ),
    "payment:pending with another amount": (
        evolve(
            PENDING_FIRST,
            events=[PENDING_EVENT._replace(body={**PENDING_EVENT.body, "amount": 1}), created()],
        ),
        ("3: amount of pending:p1 is 1, but it is 10000 in the books",),
    ),
    "payment:refunded with another amount": (
        evolve(
            GIVEN_BACK,
            events=[created(), refunded()._replace(body={**refunded().body, "amount": 1})],
        ),
        ("3: amount of refunded:r1 is 1, but it is 10000 in the books",),
    ),
    "a refund before its payment": (
        evolve(GIVEN_BACK, events=[refunded(), created()], committed=None),
        ("3: refunded:r1 was delivered before created:p1",),
    ),
    "pending after its end": (
        evolve(PENDING_FIRST, events=[created(), PENDING_EVENT], committed=None),
        ("3: pending:p1 was delivered after created:p1",),
    ),
    "an event that was never committed": (
        evolve(PAID, committed=[]),
        ("3: created:p1 was delivered, and never committed",),
    ),
    "two payments of one order in another order": (
        evolve(DECLINED_FIRST, events=[created(2), failed()]),
        ("3: created:p2 was delivered before failed:p1, which had happened earlier",),
    ),
    "payment:failed of a payment that is captured": (
        evolve(
            PAID,
            events=[failed(code="timeout"), created()],
            committed=["failed:p1", "created:p1"],
        ),
        ("6: payment p1 was published as failed (timeout), and is captured",),
    ),
}

REPLICAS: Final[Broken] = {
    "an announcement of ours in the dead letters": (
        evolve(PAID, dead_letters=[letter(created())]),
        (f"5: the dead letters are [{letter(created())!r}]",),
    ),
    "an announcement that is not ours in the dead letters, after a loss": (
        evolve(PAID, dead_letters=[letter(created(2))], has_lost_transactions=True),
        (f"5: the dead letters are [{letter(created(2))!r}]",),
    ),
    "an event that cannot be used and is not in the dead letters": (
        evolve(PAID, malformed=[b"{"]),
        ("5: the dead letters are []",),
    ),
    "an acknowledged event that is not in the books": (
        evolve(EMPTY, orders=[]),
        ("5: events of order o1 were acknowledged, and it is not in the books",),
    ),
    "an order without an event": (
        evolve(EMPTY, order_events=[]),
        ("5: order o1 is in the books, and no event was about it",),
    ),
    "older terms": (
        evolve(EMPTY, order_events=[TERMS, TERMS._replace(version=1, price=LESS)]),
        ("5: order o1 has the terms (Amount", "5: order o1 has version 0, the newest is 1"),
    ),
    "an expiry that no event has": (
        evolve(EMPTY, orders=[order(status="created", expires_at=after(60))]),
        ("5: order o1 has the terms (Amount",),
    ),
    "captured at another time than its event says": (
        evolve(EMPTY, order_events=[TERMS._replace(capture="manual")]),
        ("5: order o1 has the terms (Amount",),
    ),
    "terms without their event": (
        evolve(EMPTY, order_events=[CANCELLED._replace(version=0, is_cancelled=False)]),
        ("5: order o1 has the terms (Amount",),
    ),
    "a cancellation that is not in the books": (
        evolve(EMPTY, order_events=[TERMS, CANCELLED._replace(version=0)]),
        ("5: order o1 was cancelled, and it is created",),
    ),
    "a cancellation that nobody asked for": (
        evolve(EMPTY, orders=[order(status="cancelled")]),
        ("5: order o1 was never cancelled, and it is cancelled",),
    ),
    "an order that is complete without a payment": (
        evolve(EMPTY, orders=[order()]),
        ("5: order o1 is complete, and nothing has paid for it",),
    ),
    "a paid order that is not complete": (
        evolve(PAID, orders=[order(payment(), status="created")]),
        ("5: order o1 is paid, and it is created",),
    ),
}

REPLIES: Final[Broken] = {
    "201, and then declined": (
        evolve(
            EMPTY,
            orders=[order(declined(), status="created")],
            events=[failed()],
            replies=[reply(201)],
        ),
        ("6: the reply was that p1 is paid, but it is",),
    ),
    "202 about nothing": (
        evolve(EMPTY, replies=[reply(202)]),
        ("6: the reply was that p1 was accepted, but it is unknown",),
    ),
    "402, and charged": (
        evolve(PAID, replies=[reply(402)]),
        ("6: the reply was that p1 is declined, but it is charged",),
    ),
    "400, and kept": (
        evolve(PAID, replies=[reply(400)]),
        ("6: the reply was that p1 is refused, but it is kept",),
    ),
    "400, kept and given back later": (
        evolve(GIVEN_BACK, replies=[reply(400)]),
        ("6: the reply was that p1 is refused, but it is kept",),
    ),
    "400 for an expiry, and kept": (
        evolve(PAID, replies=[reply(400, code="order_expired")]),
        ("6: the reply was that p1 is refused, but it is kept",),
    ),
    "400 for a cancellation, and kept after a loss": (
        evolve(PAID, replies=[reply(400, code="order_cancelled")], has_lost_transactions=True),
        ("6: the reply was that p1 is refused, but it is kept",),
    ),
    "400, and kept after a loss": (
        evolve(PAID, replies=[reply(400)], has_lost_transactions=True),
        ("6: the reply was that p1 is refused, but it is kept",),
    ),
    "cancelled, and charged": (
        evolve(PAID, replies=[Reply(200, "p1", "u1", "cancel")]),
        ("6: the reply was that p1 is cancelled, but it is charged",),
    ),
    "a decision that is not kept": (
        evolve(ACCEPTED, orders=IN_REVIEW.orders, events=[]),
        ("6: an operator decided about p1, but it is",),
    ),
    "201 with another amount": (
        evolve(PAID, replies=[reply(201, amount=1)]),
        ("6: the reply was that amount of p1 is 1, but it is 10000",),
    ),
    "201 with another charge": (
        evolve(PAID, replies=[reply(201, stripeId="pi_1")]),
        ("6: the reply was that stripeId of p1 is pi_1, but it is ch_1",),
    ),
    **{
        f"{status}, and charged": (
            evolve(PAID, replies=[Reply(status, None, "u1", started=("p1",))]),
            (f"6: the reply was {status}, but it has charged p1",),
        )
        for status in (400, 404, 422, 429, 502, 503)
    },
    **{
        f"{status}, and a claim is left behind": (
            evolve(
                DECLINED_FIRST,
                orders=[order(payment(1, "abandoned"), payment(2))],
                events=[failed(code="abandoned"), created(2)],
                replies=[Reply(status, None, "u1", started=("p1",))],
            ),
            (f"6: the reply was {status}, but it has started p1",),
        )
        for status in (400, 401, 404, 409, 415, 422, 429)
    },
    "429 for what was declined, after a loss": (
        evolve(
            DECLINED_FIRST,
            replies=[Reply(429, None, "u1", started=("p1",))],
            has_lost_transactions=True,
        ),
        ("6: the reply was 429, but it has started p1",),
    ),
    "a payment of another order": (
        evolve(PAID, replies=[Reply(409, "p1", "u1", order_id="o2")]),
        ("6: the reply about order o2 names a payment of another order",),
    ),
}

ENDS: Final[Broken] = {
    **{
        f"a payment that is {status} for ever": (
            evolve(EMPTY, orders=[order(payment(1, status), status="created")]),
            (f"9: payment p1 is still {status}",),
        )
        for status in ("processing", "requires_action", "pending")
    },
    "a refund that is pending for ever": (
        evolve(PAID, orders=[order(payment(), refunds=(refund(status="pending"),))]),
        ("9: refund r1 is still pending",),
    ),
    "an event that waits for ever": (
        evolve(PAID, unpublished=2),
        ("9: 2 events were never published",),
    ),
}

_OF_MONEY: Final[Broken] = ONCE | BOOKS | FORBIDDEN | AUTHORIZATIONS | DISPUTES | REFUNDS
_OF_WORDS: Final[Broken] = EVENTS | REPLIES | REFUSALS | READS | DECLINES | RECORDINGS
BROKEN: Final[Broken] = _OF_MONEY | _OF_WORDS | REPLICAS | ENDS
