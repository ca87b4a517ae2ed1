"""ListedCharges: what PayPal says of the charge behind a transaction, from its order."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from attrs import evolve, frozen

from adapters.gateways.calls import TimeLeft
from adapters.gateways.paypal.client import PayPalApi
from adapters.gateways.paypal.errors import RequestRefused
from adapters.gateways.paypal.events import listed_event
from adapters.gateways.paypal.labels import Label, LabelKey
from adapters.gateways.paypal.notifications import read_event
from adapters.gateways.paypal.objects import (
    ID,
    Json,
    Unreadable,
    amount,
    identifier,
    nested,
    text,
    time,
)
from adapters.gateways.paypal.orders import MODES, PATH, PayPalOrder, charged_by
from adapters.gateways.paypal.statuses import Progress, refund_progress
from adapters.gateways.paypal.transactions import code_of
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_notifications import Notification, PaymentNotification
from application.ports.gateway_records import ChargeRecord, FailedCharge
from domain.identifiers import ChargeId
from domain.money import Money
from domain.outcome import Authorized, Charged, Declined, Pending
from domain.payment import Payment

# https://developer.paypal.com/docs/transaction-search/transaction-event-codes/: T00 is a payment,
# T13 an authorization.
PAYMENT: Final = "T00"
AUTHORIZATION: Final = "T13"


@frozen
class ListedCharges:
    """Reads the charges of one account, in two requests each."""

    api: PayPalApi

    async def read(self, row: Json, gate: asyncio.Semaphore, left: TimeLeft) -> ChargeRecord | None:
        """Return the charge of a transaction; None if it is none of ours.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see the client.
        """
        label = Label.read(row.get("custom_field"))
        if label is None:
            return None
        transaction = identifier(row, "transaction_id")
        is_payment = code_of(row).startswith(PAYMENT)
        kind = "captures" if is_payment else "authorizations"
        made: Json = {"id": transaction, "custom_id": row.get("custom_field")}
        try:
            async with gate:
                made = await self.api.get(f"/v2/payments/{kind}/{transaction}", left())
                related = nested(nested(made, "supplementary_data"), "related_ids")
                body = await self.api.get(f"{PATH}/{identifier(related, 'order_id')}", left())
            order = PayPalOrder(body, self.api.livemode)
            payment = _claimed(order, self.api.label_key)
            return _record(transaction, order, payment, is_payment=is_payment)
        except (Unreadable, RequestRefused) as error:
            if isinstance(error, RequestRefused) and error.error.status != 404:
                raise
            event = "PAYMENT.CAPTURE.COMPLETED" if is_payment else "PAYMENT.AUTHORIZATION.CREATED"
            content = listed_event(made, event)
            at = time(row, "transaction_initiation_date")
            read = read_event(content, livemode=self.api.livemode, key=self.api.label_key)
            found = self._taken(read, made) if is_payment else read
            return UnreadableCharge(found, content, at)

    def _taken(self, read: Notification, capture: Json) -> Notification:
        """Add what a capture in our own reports proves: its money is on our account."""
        is_taken = capture.get("status") in ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")
        if not isinstance(read, PaymentNotification) or not is_taken:
            return read
        order = nested(nested(capture, "supplementary_data"), "related_ids").get("order_id")
        reference = order if isinstance(order, str) and ID.fullmatch(order) else None
        with suppress(Unreadable):
            outcome = charged_by(capture, reference, livemode=self.api.livemode)
            return evolve(read, outcome=outcome)
        return read


def _record(
    transaction: str, order: PayPalOrder, payment: Payment | None, *, is_payment: bool
) -> ChargeRecord | None:
    """Return what an order says of one of its captures or authorizations.

    An authorization is a record until it is captured or released.

    Raises:
        Unreadable: it does not describe its payment completely.
    """
    if payment is None:
        raise Unreadable("the label does not describe the payment")
    match order.outcome(payment):
        case Charged() | Pending() as outcome if is_payment:
            return ListedCharge(payment, outcome, _refunded(order))
        case Authorized() | Pending() as outcome if not order.captures:
            return ListedCharge(payment, outcome, _refunded(order))
        case Declined() as declined if is_payment:
            return FailedCharge(payment, ChargeId(transaction), declined)
        case _:
            return None


def _claimed(order: PayPalOrder, key: LabelKey) -> Payment | None:
    label, mode = order.label, MODES.get(str(order.body.get("intent")))
    if label is None or mode is None:
        return None
    return label.claimed(
        amount(order.unit), mode, livemode=order.livemode, key=key, reference=order.id
    )


def _refunded(order: PayPalOrder) -> Money:
    """Return how much was refunded of an order, or is on its way back."""
    ends = (Progress.SUCCEEDED, Progress.OPEN)
    made = (each for each in order.refunds if refund_progress(text(each, "status")) in ends)
    return _total((amount(each) for each in made), Money(0, amount(order.unit).currency))


def _total(amounts: Iterable[Money], total: Money) -> Money:
    for each in amounts:
        total += each
    return total
