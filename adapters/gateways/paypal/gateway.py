"""PayPalGateway: the adapter of one PayPal account."""

from collections.abc import Sequence

from attrs import evolve, field, frozen

from adapters.gateways.calls import TimeLeft
from adapters.gateways.paypal.amounts import to_paypal
from adapters.gateways.paypal.authorizations import Authorizations
from adapters.gateways.paypal.charging import Charging
from adapters.gateways.paypal.client import PayPalApi
from adapters.gateways.paypal.labels import GATEWAY
from adapters.gateways.paypal.movements import PayPalMovements
from adapters.gateways.paypal.objects import ID
from adapters.gateways.paypal.queries import querying
from adapters.gateways.paypal.records import PayPalRecords
from adapters.gateways.paypal.refunds import PayPalRefunds
from adapters.gateways.paypal.refusals import unsupported_amount
from adapters.gateways.paypal.sessions import create_session
from adapters.gateways.paypal.transactions import RECORDS_DELAY, Transactions
from application.ports.gateway_notifications import NotificationReader
from application.ports.gateway_records import (
    ChargeRecord,
    ListedDispute,
    ListedRefund,
    Page,
    Period,
)
from application.ports.gateway_sessions import Session, SessionRequest
from application.ports.payment_gateway import CardToken, OutcomeUnknown
from domain.capture import CaptureFailed
from domain.movement import Movement
from domain.outcome import Approved, Authorized, Declined, Outcome, Refused, RequiresAction
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome, ReportedRefund


@frozen
class PayPalGateway:
    """Takes the money of orders at PayPal that the customer approves.

    The token of a charge is the order's id. PayPal has no search for payments: the id is the
    payment's reference, stored before the charge, and what `find` reads. It lists no charges
    either: its reports lag by hours.
    """

    api: PayPalApi
    notification_reader: NotificationReader | None = None
    """Reads PayPal's webhooks; None if there is no webhook."""
    name: str = GATEWAY
    _charging: Charging = field(init=False, repr=False)

    @_charging.default
    def _make_charging(self) -> Charging:
        return Charging(self.api)

    @property
    def livemode(self) -> bool:
        return self.api.livemode

    @property
    def public_key(self) -> str:
        """The client id, which PayPal's script in the browser needs."""
        return self.api.client_id

    # --- sessions: application/ports/gateway_sessions.py ---

    async def create_session(self, request: SessionRequest) -> Session | Refused:
        """Create an order at PayPal, for the customer to approve."""
        return await create_session(self.api, self._charging.own, request)

    def reference_of(self, token: str) -> str | None:
        """Return the token if it can be the id of an order at PayPal, and is no card's number."""
        return token if ID.fullmatch(token) and not token.isdigit() else None

    async def take(self, payment: Payment) -> Outcome:
        """Take the money of an order that its customer has approved."""
        if payment.reference is None:
            raise OutcomeUnknown("the payment has no order at PayPal")
        return await self._charging.take(payment)

    # --- the gateway ---

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        if to_paypal(payment.amount) is None:
            return unsupported_amount(payment.amount)
        reference = self.reference_of(token.value)
        if reference is None:
            return Declined("session_unknown")
        if payment.reference not in (None, reference):
            raise OutcomeUnknown("the payment was charged with another order at PayPal")
        return await self._charging.charge(evolve(payment, reference=reference))

    async def find(self, payment: Payment) -> Outcome | None:
        async with querying() as left:
            return await self._find(payment, left)

    async def cancel(self, payment: Payment) -> Outcome | None:
        """Release what is authorized, or let the order take no money any more.

        PayPal cannot cancel an order: it expires, and takes no money without a request of ours.
        """
        async with querying() as left:
            found = await self._find(payment, left)
            match found:
                case Authorized():
                    return await Authorizations(self._charging).release(payment, found, left)
                case Approved() | RequiresAction():
                    order = await self._charging.read(payment, left())
                    if order is None:
                        return None
                    return await self._charging.prevent(payment, order, left)
                case _:
                    return found

    async def capture(self, payment: Payment) -> Outcome | CaptureFailed:
        """Capture what is authorized; see application/ports/gateway_captures.py."""
        return await Authorizations(self._charging).capture(payment)

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        return await PayPalRefunds(self._charging).refund(payment, refund)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        return await PayPalRefunds(self._charging).find(payment, refund)

    async def list_refunds(self, payment: Payment) -> Sequence[ReportedRefund]:
        """Return all refunds of a payment; see application/ports/gateway_history.py."""
        return await PayPalRefunds(self._charging).all_of(payment)

    # --- records: application/ports/gateway_records.py ---

    records_delay = RECORDS_DELAY

    async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        """Return a page of the charges of a period, from PayPal's reports."""
        return await PayPalRecords(self.api).charges(period, cursor)

    async def refund_records(self, period: Period, cursor: str | None) -> Page[ListedRefund]:
        """Return a page of the refunds of a period, from PayPal's reports."""
        return await PayPalRecords(self.api).refunds(period, cursor)

    async def dispute_records(self, period: Period, cursor: str | None) -> Page[ListedDispute]:
        """Return a page of the disputes of a period."""
        return await PayPalRecords(self.api).disputes(period, cursor)

    # --- movements: application/ports/gateway_movements.py ---

    async def list_movements(self, period: Period, cursor: str | None) -> Page[Movement]:
        """Return a page of what moved on the balance in a period, from PayPal's reports."""
        return await PayPalMovements(Transactions(self.api)).list_movements(period, cursor)

    async def check(self) -> None:
        """Check that PayPal accepts our credentials, and that they may be used for orders.

        Raises:
            OutcomeUnknown: they may not, or PayPal cannot be reached; in one line.
        """
        await self.api.check()

    async def close(self) -> None:
        """Close the connections."""
        await self.api.close()

    async def _find(self, payment: Payment, left: TimeLeft) -> Outcome | None:
        """Return the outcome of a payment; call it in `querying`.

        There is none before its charge has arrived: that binds the order to the payment.
        """
        if payment.reference is None or not ID.fullmatch(payment.reference):
            return None
        order = await self._charging.read(payment, left())
        outcome = None if order is None else order.outcome(payment)
        is_open = isinstance(outcome, Approved | RequiresAction)
        is_free = order is not None and is_open and not order.is_bound_to(payment)
        return None if is_free else outcome
