"""Builders of domain objects with default values."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.capture import CaptureMode
from domain.claim import ExpectedAmount
from domain.identifiers import ChargeId, OrderId, PaymentId, RefundId, UserId
from domain.money import Currency, Money
from domain.order import Order
from domain.outcome import Approved, Authorized, Charged, Declined, Pending, RequiresAction
from domain.payment import Payment
from domain.payment_status import CAPTURED, PaymentStatus
from domain.refund import SEND_LEASE, Refund, RefundStatus
from domain.replica import OrderReplica, OrderStatus, Shipment, Terms

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
USD = Currency("usd")
ORDER = OrderId("order-1")
PAYER = UserId("user-1")
OTHER_USER = UserId("user-2")
PAYMENT = PaymentId("payment-1")
GATEWAY = "in_memory"
UNTIL = NOW + timedelta(days=7)
"""When an authorization runs out."""


def dollars(amount: str) -> Money:
    """Return an amount of US dollars."""
    return Money.from_major(Decimal(amount), USD)


PRICE = dollars("100")


def created_event(
    order_id: str = ORDER,
    version: int = 0,
    user_id: UserId = PAYER,
    price: Money = PRICE,
    expires_at: datetime | None = None,
    status: OrderStatus = OrderStatus.CREATED,
    capture: CaptureMode | None = None,
) -> OrderReplica:
    """Return an `order:created` event, which is also the replica after it: $100, no expiry."""
    terms = Terms(version, user_id, price, expires_at, capture)
    return OrderReplica.created(OrderId(order_id), terms, status)


def cancelled_event(order_id: str = ORDER, version: int = 1) -> OrderReplica:
    """Return an `order:cancelled` event."""
    return OrderReplica.cancelled(OrderId(order_id), version)


def shipped_event(
    order_id: str = ORDER, version: int = 1, minor_units: int | None = None
) -> OrderReplica:
    """Return an `order:shipped` event."""
    return OrderReplica.shipped(OrderId(order_id), Shipment(version, minor_units))


def a_payment(
    payment_id: str = PAYMENT,
    status: PaymentStatus = PaymentStatus.PROCESSING,
    amount: Money = PRICE,
    charge_id: str | None = None,
    created_at: datetime = NOW,
    next_check_at: datetime | None = None,
) -> Payment:
    """Return a payment of the default order in this state, with a charge if it was captured."""
    captured = status in CAPTURED
    authorized = status is PaymentStatus.AUTHORIZED
    charge = charge_id or (f"ch_{payment_id}" if captured or authorized else None)
    return Payment(
        id=PaymentId(payment_id),
        order_id=ORDER,
        user_id=PAYER,
        amount=amount,
        gateway=GATEWAY,
        livemode=False,
        created_at=created_at,
        status=status,
        charge_id=ChargeId(charge) if charge else None,
        captured_amount=amount if captured else None,
        next_check_at=next_check_at,
        capture_mode=CaptureMode.MANUAL if authorized else CaptureMode.AUTOMATIC,
        authorized_until=UNTIL if authorized else None,
    )


def a_refund(
    refund_id: str = "refund-1",
    amount: Money = PRICE,
    status: RefundStatus = RefundStatus.PENDING,
    payment_id: str = PAYMENT,
    reference: str | None = None,
) -> Refund:
    """Return an operator's refund of the default payment."""
    return Refund(
        id=RefundId(refund_id),
        payment_id=PaymentId(payment_id),
        order_id=ORDER,
        charge_id=ChargeId(f"ch_{payment_id}"),
        amount=amount,
        reason="requested",
        created_at=NOW,
        status=status,
        reference=reference,
        next_check_at=NOW + SEND_LEASE if status is RefundStatus.PENDING else None,
    )


def an_order(
    *payments: Payment, replica: OrderReplica | None = None, refunds: tuple[Refund, ...] = ()
) -> Order:
    """Return the default order with these payments and refunds."""
    return Order(replica or created_event(), payments, refunds)


def claimed(
    payment_id: str = PAYMENT, replica: OrderReplica | None = None, now: datetime = NOW
) -> Order:
    """Return the default order with a payment that has just started."""
    return start_payment(an_order(replica=replica), payment_id, now)


def start_payment(order: Order, payment_id: str, now: datetime = NOW) -> Order:
    """Return the order after its owner has started a payment."""
    terms = order.replica.terms
    owner = terms.user_id if terms else PAYER
    return order.claim(PaymentId(payment_id), owner, ExpectedAmount(), GATEWAY, False, now)


def charged(payment_id: str = PAYMENT, amount: Money = PRICE, livemode: bool = False) -> Charged:
    """Return the outcome of a payment that was captured."""
    return Charged(ChargeId(f"ch_{payment_id}"), amount, livemode, f"pi_{payment_id}")


def authorized(
    payment_id: str = PAYMENT,
    amount: Money = PRICE,
    livemode: bool = False,
    until: datetime = UNTIL,
) -> Authorized:
    """Return the outcome of a payment whose money is held."""
    return Authorized(ChargeId(f"ch_{payment_id}"), amount, livemode, until, f"pi_{payment_id}")


def declined(payment_id: str = PAYMENT, code: str = "card_declined") -> Declined:
    """Return the outcome of a payment that was declined."""
    return Declined(code, f"pi_{payment_id}")


def requires_action(payment_id: str = PAYMENT) -> RequiresAction:
    """Return the outcome of a payment whose customer must authenticate."""
    return RequiresAction(f"pi_{payment_id}", f"pi_{payment_id}_secret")


def approved(payment_id: str = PAYMENT) -> Approved:
    """Return the outcome of a payment whose customer has approved it."""
    return Approved(f"pi_{payment_id}")


def pending(payment_id: str = PAYMENT, cannot_be_cancelled: bool = False) -> Pending:
    """Return the outcome of a payment whose money comes later."""
    return Pending(f"pi_{payment_id}", cannot_be_cancelled)


def after(days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
    """Return the time that much after NOW."""
    return NOW + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
