"""Gateways: every gateway of the settings, and which of them has a payment or may take one."""

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import field, frozen

from application.ports.gateway_captures import GatewayCaptures
from application.ports.gateway_history import GatewayHistory
from application.ports.gateway_movements import GatewayMovements
from application.ports.gateway_notifications import NotificationReader, reader_of
from application.ports.gateway_records import GatewayRecords
from application.ports.gateway_sessions import GatewaySessions
from application.ports.payment_gateway import PaymentGateway
from domain.capture import CaptureMode
from domain.money import Currency
from domain.payment import Payment

ANY_CURRENCY: Final = "*"
"""The route of every currency that has none of its own."""


class GatewayNotConfigured(Exception):
    """A payment is at a gateway that the settings no longer have, so nobody can be asked."""

    def __init__(self, payment: Payment) -> None:
        mode = "live" if payment.livemode else "test"
        super().__init__(f"its gateway {payment.gateway} ({mode} mode) is not configured")
        self.gateway = payment.gateway

    @property
    def alert(self) -> str:
        """What an operator is told, the same for all payments there."""
        return f"payments wait at {self.gateway}, which PAYMENT_GATEWAY does not have"


@frozen
class AtAnotherGateway(Exception):
    """A gateway has reported something about a payment that another one has."""

    payment_id: str
    gateway: str
    """The gateway that has it."""

    def __str__(self) -> str:
        return f"payment {self.payment_id} is at {self.gateway}"


def require_gateway(payment: Payment, gateway: str) -> None:
    """Return if a payment is at this gateway.

    Raises:
        AtAnotherGateway: it is not.
    """
    if payment.gateway != gateway:
        raise AtAnotherGateway(payment.id, payment.gateway)


@frozen
class ConfiguredGateway:
    """One gateway of the settings, with everything that it can do."""

    gateway: PaymentGateway
    setting: str
    """Its name in the settings, such as `stripe-payment-intents`."""
    captures: GatewayCaptures = field(init=False)
    history: GatewayHistory = field(init=False)
    records: GatewayRecords = field(init=False)
    movements: GatewayMovements = field(init=False)
    sessions: GatewaySessions = field(init=False)
    reader: NotificationReader | None = field(init=False)
    """Reads its notifications, if it hands in a reader of its own."""

    @captures.default
    def _find_captures(self) -> GatewayCaptures:
        return GatewayCaptures.of(self.gateway)

    @history.default
    def _find_history(self) -> GatewayHistory:
        return GatewayHistory.of(self.gateway)

    @records.default
    def _find_records(self) -> GatewayRecords:
        return GatewayRecords.of(self.gateway)

    @sessions.default
    def _find_sessions(self) -> GatewaySessions:
        return GatewaySessions.of(self.gateway)

    @reader.default
    def _find_reader(self) -> NotificationReader | None:
        return reader_of(self.gateway)

    @movements.default
    def _find_movements(self) -> GatewayMovements:
        return GatewayMovements.of(self.gateway)

    @property
    def name(self) -> str:
        """Its name in tables, events and bodies, such as `stripe`."""
        return self.gateway.name

    @property
    def livemode(self) -> bool:
        """Whether it moves real money."""
        return self.gateway.livemode

    @property
    def public_key(self) -> str | None:
        """Its key for browsers: the attribute `public_key`, if it has one."""
        key = getattr(self.gateway, "public_key", None)
        return key if isinstance(key, str) else None

    def has(self, payment: Payment) -> bool:
        """Whether a payment was sent to it, in its mode."""
        return payment.is_at(self.gateway.name, self.gateway.livemode)

    def can_take(self, capture_mode: CaptureMode) -> bool:
        """Whether it can capture money in this way."""
        return capture_mode is CaptureMode.AUTOMATIC or self.captures.capture is not None


@frozen
class Gateways:
    """All configured gateways; no two have the same name.

    A step after the claim of a payment goes to the gateway that has the payment.
    """

    configured: tuple[ConfiguredGateway, ...]
    """In the order of the settings; there is at least one."""
    routes: Mapping[str, tuple[ConfiguredGateway, ...]] = field(factory=dict)
    """By code of a currency, or ANY_CURRENCY: the gateways that it may use, the best first."""

    @classmethod
    def only(cls, gateway: PaymentGateway) -> "Gateways":
        """Return a single gateway."""
        return cls((ConfiguredGateway(gateway, gateway.name),))

    def __iter__(self) -> Iterator[ConfiguredGateway]:
        return iter(self.configured)

    @property
    def default(self) -> ConfiguredGateway:
        """The first gateway of the settings."""
        return self.configured[0]

    @property
    def names(self) -> frozenset[str]:
        """The names that `named` knows."""
        return frozenset(name for each in self.configured for name in (each.name, each.setting))

    def at(self, payment: Payment) -> ConfiguredGateway | None:
        """Return the gateway that has a payment; None if it is not configured any more."""
        for each in self.configured:
            if each.has(payment):
                return each
        return None

    def having(self, payment: Payment) -> ConfiguredGateway:
        """Return the gateway that has a payment.

        Raises:
            GatewayNotConfigured: the settings no longer have it.
        """
        found = self.at(payment)
        if found is None:
            raise GatewayNotConfigured(payment)
        return found

    def named(self, name: str) -> ConfiguredGateway | None:
        """Return the gateway of this name, or of this name in the settings."""
        for each in self.configured:
            if name in (each.name, each.setting):
                return each
        return None

    def for_currency(self, currency: Currency) -> tuple[ConfiguredGateway, ...]:
        """Return the gateways that a currency may use, the best first.

        Those are all if neither the currency nor ANY_CURRENCY has a route.
        """
        if not self.routes:
            return self.configured
        return self.routes.get(currency.code) or self.routes.get(ANY_CURRENCY) or self.configured

    def offered(self, currency: Currency, mode: CaptureMode) -> tuple[ConfiguredGateway, ...]:
        """Return those that an order of this currency and capture mode may use, the best first."""
        found = self.for_currency(currency)
        if mode is CaptureMode.AUTOMATIC:  # as nearly every charge; each can do that
            return found
        return tuple(each for each in found if each.can_take(mode))
