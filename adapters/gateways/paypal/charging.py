"""Charging: take the money of an order that the customer has approved, and prevent that.

An order is bound to one payment, by its label, before its money is taken. An order takes money
once; its label at that moment says for which payment.
"""

from contextlib import suppress
from typing import Final

from attrs import evolve, field, frozen

from adapters.gateways.calls import MARGIN_SECONDS, TimeLeft, time_left
from adapters.gateways.paypal.client import PayPalApi
from adapters.gateways.paypal.errors import AccessRefused, RequestRefused
from adapters.gateways.paypal.objects import Json
from adapters.gateways.paypal.order_changes import OrderChanges
from adapters.gateways.paypal.orders import PATH, PayPalOrder
from adapters.gateways.paypal.payees import OwnPayee
from adapters.gateways.paypal.refusals import (
    PAYER_ACTION_REQUIRED,
    Error,
    Fault,
    fault_of,
    outcome_of_refusal,
)
from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from domain.capture import CaptureMode
from domain.outcome import Approved, Declined, Outcome, Refused, RequiresAction
from domain.payment import Payment

# What reading and binding an order leave of their call: enough to take the money. If PayPal's
# reply then takes too long, recovery finds the outcome.
_TAKE_SECONDS: Final = 7.0

# What taking the money leaves of its call for reading why that was refused.
_READ_SECONDS: Final = 3.0

CANCELLED: Final = "cancelled"
"""The code of an order that was cancelled before its money was taken."""

UNKNOWN_SESSION: Final = "session_unknown"
"""The code of an id that PayPal does not know, or that is another shop's."""

_ACTIONS: Final = {CaptureMode.AUTOMATIC: "capture", CaptureMode.MANUAL: "authorize"}


@frozen
class Charging:
    """Takes the money of orders of one account. The payment's reference is the order's id."""

    api: PayPalApi
    changes: OrderChanges = field(init=False, repr=False)
    own: OwnPayee = field(init=False, repr=False)

    @changes.default
    def _make_changes(self) -> OrderChanges:
        return OrderChanges(self.api)

    @own.default
    def _make_own(self) -> OwnPayee:
        return OwnPayee(self.api)

    async def charge(self, payment: Payment) -> Outcome:
        """Take the money for the first time; see the port's `charge`."""
        left = time_left()
        try:
            order, outcome = await self._first_read(payment, left)
            if order is not None:
                order, outcome = await self._bound(payment, order, outcome, left)
        except RequestRefused as refused:
            if fault_of(refused.error) is Fault.STATE:
                raise OutcomeUnknown(str(refused)) from None  # another request was faster
            return outcome_of_refusal(refused.error, payment.reference)
        except AccessRefused as refused:
            if not refused.is_about_the_order:
                raise
            # Anybody can send the order of another shop. Our own can be read: we create them.
            return Declined(UNKNOWN_SESSION, payment.reference)
        if order is None or not isinstance(outcome, Approved):
            return outcome
        try:
            return await self._send(payment, order, left)
        except KeyRefused:
            raise
        except GatewayUnavailable as unavailable:
            # The order is bound to this payment: recovery takes the money as soon as it can.
            raise OutcomeUnknown(str(unavailable)) from None

    async def take(self, payment: Payment) -> Outcome:
        """Take the money of an order that its customer has approved since; see the port's `take`.

        It may have been sent before, so that nothing proves that nothing was done.
        """
        left = time_left()
        try:
            order, outcome = await self._looked_up(payment, left)
            if order is not None:
                order, outcome = await self._bound(payment, order, outcome, left)
            if order is None or not isinstance(outcome, Approved):
                return outcome
            return await self._send(payment, order, left)
        except KeyRefused as refused:
            raise LookupRefused(str(refused)) from None
        except (GatewayUnavailable, RequestRefused) as error:
            raise OutcomeUnknown(str(error)) from None

    async def read(self, payment: Payment, within: float) -> PayPalOrder | None:
        """Return the order of a payment; None if PayPal has no such order of ours.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see the client.
        """
        left = time_left(within + MARGIN_SECONDS)
        order = await self.read_any(payment, left())
        if order is None or order.is_shared:
            return order
        return evolve(order, pays_us=await self.own.gets(order.unit, left()))

    async def read_any(self, payment: Payment, within: float) -> PayPalOrder | None:
        """Return the order of a payment, as above, without a look at whose account it pays."""
        try:
            body = await self.api.get(f"{PATH}/{payment.reference}", within)
        except RequestRefused as refused:
            if refused.error.status == 404:
                return None
            raise
        order = PayPalOrder(body, self.api.livemode)
        if order.id != payment.reference:
            raise OutcomeUnknown("PayPal has replied with another order")
        return order

    async def prevent(self, payment: Payment, order: PayPalOrder, left: TimeLeft) -> Outcome:
        """Let an order take no money any more; return what has become of it."""
        try:
            await self.changes.end(payment, order, CANCELLED, left)
        except RequestRefused as refused:
            found = await self.read(payment, left())
            outcome = None if found is None else found.outcome(payment)
            if isinstance(outcome, Approved):
                raise OutcomeUnknown(f"the order was not cancelled: {refused}") from None
            # Nobody but us takes the money of an order, and we shall not.
            if outcome is None or isinstance(outcome, RequiresAction):
                return Declined(CANCELLED, payment.reference)
            return outcome
        return Declined(CANCELLED, payment.reference)

    # --- the steps -----------------------------------------------------------------------------

    async def _first_read(
        self, payment: Payment, left: TimeLeft
    ) -> tuple[PayPalOrder | None, Outcome]:
        """Look an order up before anything is sent that changes it.

        Raises:
            RequestRefused, GatewayUnavailable: see the client.
        """
        try:
            return await self._looked_up(payment, left)
        except OutcomeUnknown as unknown:
            raise GatewayUnavailable(f"before any charge: {unknown}") from None

    async def _looked_up(
        self, payment: Payment, left: TimeLeft
    ) -> tuple[PayPalOrder | None, Outcome]:
        """Return the order, and what has become of the payment by now."""
        order = await self.read(payment, left() - _TAKE_SECONDS)
        if order is None:
            return None, Declined(UNKNOWN_SESSION, payment.reference)
        return order, order.outcome(payment)

    async def _bound(
        self, payment: Payment, order: PayPalOrder, outcome: Outcome, left: TimeLeft
    ) -> tuple[PayPalOrder, Outcome]:
        """Return the order, bound to the payment, and what has become of the payment by now."""
        is_free = isinstance(outcome, Approved | RequiresAction) and not order.is_bound_to(payment)
        if not is_free:
            return order, outcome
        try:
            await self.changes.bind(order, payment, left() - _TAKE_SECONDS)
        except RequestRefused as refused:
            if isinstance(outcome, RequiresAction):
                return order, outcome  # it is bound before its money is taken
            # Another request for the same payment may have been faster.
            again = await self.read(payment, left() - _TAKE_SECONDS)
            if again is None or not again.is_bound_to(payment):
                raise refused from None
            return again, again.outcome(payment)
        return order, outcome

    async def _send(self, payment: Payment, order: PayPalOrder, left: TimeLeft) -> Outcome:
        """Take the money.

        Raises:
            OutcomeUnknown, GatewayUnavailable: see the client.
        """
        path = f"{PATH}/{order.id}/{_ACTIONS[payment.capture_mode]}"
        try:
            body = await self.api.post(path, left() - _READ_SECONDS, payment.id)
        except RequestRefused as refused:
            error = refused.error
        else:
            outcome = (await self._answered(body, left)).outcome(payment)
            if isinstance(outcome, Approved | RequiresAction):
                raise OutcomeUnknown("PayPal has not finished the order")
            return outcome
        return await self._refused(payment, order, error, left)

    async def _answered(self, body: Json, left: TimeLeft) -> PayPalOrder:
        """Return the order of a reply; its payee may have been changed since it was read."""
        order = PayPalOrder(body, self.api.livemode)
        return evolve(order, pays_us=await self.own.gets(order.unit, left()))

    async def _refused(
        self, payment: Payment, order: PayPalOrder, error: Error, left: TimeLeft
    ) -> Outcome:
        """Return what a refusal to take the money means."""
        fault = fault_of(error)
        if fault in (Fault.STATE, Fault.UNKNOWN):
            found = await self.read(payment, left())
            outcome = None if found is None else found.outcome(payment)
            if error.issue == PAYER_ACTION_REQUIRED and isinstance(outcome, Approved):
                return order.action(error.body)
            if outcome is not None and not isinstance(outcome, Approved):
                return outcome
            if fault is Fault.STATE:
                raise OutcomeUnknown(f"PayPal refused: {error.code}: {error.words}")
        return await self._final(payment, order, outcome_of_refusal(error, order.id), left)

    async def _final(
        self, payment: Payment, order: PayPalOrder, refusal: Declined | Refused, left: TimeLeft
    ) -> Declined | Refused:
        """Let no other attempt take money for a payment that has failed; it has failed anyway."""
        with suppress(RequestRefused, GatewayUnavailable, OutcomeUnknown):
            await self.changes.end(payment, order, refusal.code, left)
        return refusal
