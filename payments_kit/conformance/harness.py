"""The interface of a harness: an adapter in its gateway's test mode, and hooks that control it.

Every harness implements `Harness`; the others only if the gateway's test mode allows it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, Protocol

from application.ports.payment_gateway import CardToken, GatewayAdapter
from domain.payment import Payment
from domain.refund import Refund

Step = Literal["charge", "find", "refund", "find_refund", "capture", "cancel", "take"]
"""The method of the port whose request a fault applies to; `capture` and `take` only of an adapter
that has them, and `cancel` only with `capture`."""


CURRENCIES: Final = ("usd", "eur", "jpy", "kwd")
"""With two decimals, none and three: https://www.iso.org/iso-4217-currency-codes.html."""


class Harness(Protocol):
    """An adapter in test mode, and the gateway's own records, read without the adapter.

    A harness may have two more attributes, with other values than these:

    - `currencies = ("usd", "eur", "jpy", "kwd")`: what is paid in; the first is used for most tests
    - `unknown_token = CardToken("no-such-token")`: a token that the gateway has never issued
    """

    @property
    def gateway(self) -> GatewayAdapter:
        """The adapter."""

    @property
    def succeeding_token(self) -> CardToken:
        """A card that can be charged any amount, any number of times."""

    @property
    def declined_token(self) -> CardToken:
        """A card that is always declined."""

    async def charge_count(self, payment: Payment) -> int:
        """How many charges of this payment captured money, refunded or not."""

    async def refunded_amount(self, payment: Payment) -> int:
        """How many minor units of this payment are refunded, pending refunds included."""


class UnreliableHarness(Harness, Protocol):
    """A gateway whose connection can be made to fail."""

    @property
    def unreachable(self) -> GatewayAdapter:
        """An adapter that cannot connect to the gateway."""

    def lose_reply(self, step: Step) -> None:
        """Let the next such request be executed, and its reply be lost."""

    def lose_request(self, step: Step) -> None:
        """Let the next such request be lost: it is not executed, and there is no reply."""


class FailingHarness(Harness, Protocol):
    """A gateway that can be made to fail, and stores the failure under the idempotency key."""

    def fail(self, step: Step, *, executed: bool) -> None:
        """Let the next such request, executed or not, get an error that is repeated for its key."""


class RefusingHarness(Harness, Protocol):
    """A gateway that can be made to refuse the shop: its account, configuration or amounts."""

    def refuse(self) -> None:
        """Let the gateway refuse the next charge for a reason that no card can change."""


class StallingHarness(Harness, Protocol):
    """A gateway that can be made not to answer, while its connection stays open."""

    def stall(self, step: Step) -> None:
        """Let the next such request get no reply; it is not executed."""


class AnsweringHarness(Harness, Protocol):
    """A gateway that can be made to answer with an HTTP status."""

    def answer(self, step: Step, status: int) -> None:
        """Let the next such request be answered with this error; it is not executed."""


class UndecidedHarness(Harness, Protocol):
    """A gateway that may accept a charge before the bank has decided."""

    def pending(self) -> None:
        """Let the gateway accept the next charge and report that it is not decided yet."""


class SettlingRefundHarness(Harness, Protocol):
    """A gateway whose refunds are accepted at once and settled later.

    If that depends on the card, `settling_token` is a card whose refunds are settled later.
    """

    async def settle_refund(self, payment: Payment, refund: Refund, succeeded: bool) -> None:
        """Let a refund that is pending succeed or fail; change nothing if it is not pending."""


class UnreliableRecordHarness(UnreliableHarness, Protocol):
    """An adapter with `charge_records` and `refund_records` that can be made to fail."""

    def gateway_time(self) -> datetime:
        """Return the gateway's current time, or a little earlier."""


class RefundListingHarness(Harness, Protocol):
    """An adapter with `list_refunds`, at a gateway that others use as well."""

    async def refund_externally(self, payment: Payment, minor_units: int) -> str:
        """Refund so much of a payment without the adapter, as in the gateway's dashboard.

        Returns the gateway's identifier of the refund.
        """


class ChargeListingHarness(Harness, Protocol):
    """An adapter with `list_charges`."""

    def gateway_time(self) -> datetime:
        """Return the gateway's current time, or a little earlier."""


class RecordListingHarness(RefundListingHarness, ChargeListingHarness, Protocol):
    """An adapter with `charge_records` and `refund_records`, at a gateway that others use."""


class DisputeListingHarness(RecordListingHarness, Protocol):
    """An adapter with `dispute_records`, too."""

    async def open_dispute(self, payment: Payment) -> str:
        """Let the customer's bank dispute a payment; return the identifier of the dispute."""


class AuthenticatingHarness(Harness, Protocol):
    """A gateway with cards that require authentication."""

    @property
    def authenticating_token(self) -> CardToken:
        """A card whose bank requires authentication."""

    async def authenticate(self, payment: Payment, succeeded: bool) -> None:
        """End the customer's authentication."""


class PendingHarness(Harness, Protocol):
    """A gateway with payments whose money comes later, such as bank debits."""

    @property
    def pending_token(self) -> CardToken:
        """A bank account, or another method whose money comes later."""

    async def finish_pending(self, payment: Payment, succeeded: bool) -> None:
        """Let the money of a pending payment come, or fail to come."""


class PendingListHarness(PendingHarness, ChargeListingHarness, Protocol):
    """Such a gateway whose adapter has `list_charges`."""


class PendingRecordHarness(PendingHarness, RecordListingHarness, Protocol):
    """Such a gateway whose adapter has `charge_records`."""


class CapturingHarness(Harness, Protocol):
    """An adapter with `capture`: its gateway can hold money and capture it later."""

    async def captured_amount(self, payment: Payment) -> int:
        """How many minor units of this payment were captured, refunded or not."""

    async def held_amount(self, payment: Payment) -> int:
        """How many minor units of this payment are authorized and neither captured nor released."""


class ExpiringHarness(CapturingHarness, Protocol):
    """Such a gateway whose authorizations can be made to run out."""

    async def expire(self, payment: Payment) -> None:
        """Let the authorization of a payment run out."""


class UnreliableCapturingHarness(CapturingHarness, UnreliableHarness, Protocol):
    """Such a gateway whose connection can be made to fail."""


class AnsweringCapturingHarness(CapturingHarness, AnsweringHarness, Protocol):
    """Such a gateway that can be made to answer with an HTTP status."""


class StallingCapturingHarness(CapturingHarness, StallingHarness, Protocol):
    """Such a gateway that can be made not to answer."""


class AuthorizationListHarness(CapturingHarness, ChargeListingHarness, Protocol):
    """Such a gateway whose adapter has `list_charges`."""


def currencies(harness: Harness) -> Sequence[str]:
    """Return what this harness is paid in; the first one is used for most tests."""
    chosen: Sequence[str] = getattr(harness, "currencies", CURRENCIES)
    return chosen


def unknown_token(harness: Harness) -> CardToken:
    """Return a token that the gateway has never issued."""
    token: CardToken = getattr(harness, "unknown_token", CardToken("no-such-token"))
    return token
