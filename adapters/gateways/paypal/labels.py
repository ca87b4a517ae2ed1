"""Our labels on PayPal's objects, in their field `custom_id`.

An order is labelled for the shop's order when its session is created, and for one payment when it
is charged. Its captures and authorizations have the label that the order had when the money was
taken: whatever was sent at the same time, it decides which payment the money belongs to.

Customers can create orders in the browser, with the client id and any label. So a label only points
at a payment, whose own order is looked at; a payment is rebuilt from a sealed label only.
"""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import field, frozen

from domain.capture import CaptureMode
from domain.identifiers import OrderId, PaymentId, RefundId, UserId
from domain.money import Money
from domain.payment import Payment
from domain.refund import Refund

GATEWAY: Final = "paypal"
"""The name of the gateway in tables and events."""

MAX_LABEL: Final = 127
"""The longest `custom_id` (https://developer.paypal.com/docs/api/orders/v2/#orders_create)."""

# PayPal reports labels of these characters unchanged (the pattern of a refund's `custom_id`); a
# comma separates the fields. 36 characters are a UUID.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)
_HASHED: Final = re.compile(r"\.[A-Za-z0-9_-]{22}", re.ASCII)

_ID: Final = r"[A-Za-z0-9_-]{1,64}"
_MARK: Final = r"\.?[A-Za-z0-9_-]{1,36}"
_LABEL: Final = re.compile(
    rf"s,(?P<session>{_MARK})"
    rf"|p,(?P<payment>{_ID}),(?P<order>{_MARK})"
    rf"(?:,(?P<user>{_MARK}),(?P<created>[0-9a-z]{{1,12}}),(?P<seal>[A-Za-z0-9_-]{{6}}))?"
    rf"|x,(?P<ended>{_ID}),(?P<of>{_MARK}),(?P<code>[a-z0-9_]{{1,40}})",
    re.ASCII,
)
_REFUND: Final = re.compile(
    rf"r,(?P<refund>{_ID}),(?P<attempt>[0-9]{{1,3}}),(?P<payment>{_ID})"
    rf"|b,(?P<end>[A-Za-z0-9_-]{{1,40}}),(?P<of>[0-9]{{1,3}}),(?P<whole>{_ID})",
    re.ASCII,
)

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_CODE: Final = 40

# With ids of ours and UUIDs of the shop's, a label has room for no more. A guess costs a payment at
# PayPal, and one wrong one alerts an operator: there is no time for 2^36.
_SEAL_LENGTH: Final = 6


@frozen
class LabelKey:
    """Seals the labels of one application at PayPal."""

    _secret: bytes = field(repr=False)

    @classmethod
    def of(cls, client_secret: str) -> "LabelKey":
        """Return the key that belongs to an application's secret."""
        return cls(hashlib.sha256(f"label\n{client_secret}".encode()).digest())

    def seal(self, described: str, amount: Money, mode: CaptureMode) -> str:
        """Return what proves that we have claimed a payment of this amount."""
        money = f"{amount.minor_units} {amount.currency.code} {mode.value}"
        digest = hmac.digest(self._secret, f"{described}\n{money}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest)[:_SEAL_LENGTH].decode()


@frozen
class Label:
    """The label of an order, a capture or an authorization."""

    order: str
    """The mark of the shop's order."""
    payment: PaymentId | None = None
    """The payment that the order was charged for; None for a session that is not used yet."""
    code: str | None = None
    """How the payment has ended without taking the money."""
    user: str | None = None
    created: str | None = None
    seal: str | None = None

    @classmethod
    def read(cls, value: object) -> "Label | None":
        """Read a label; None if it is not one of ours."""
        found = _LABEL.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return None
        if (session := found["session"]) is not None:
            return cls(session)
        payment = PaymentId(found["payment"] or found["ended"])
        return cls(
            order=found["order"] or found["of"],
            payment=payment,
            code=found["code"],
            user=found["user"],
            created=found["created"],
            seal=found["seal"],
        )

    @property
    def order_id(self) -> OrderId | None:
        """The id of the shop's order; None if the label has only a hash of it."""
        return OrderId(self.order) if _PLAIN.fullmatch(self.order) else None

    def is_for(self, order_id: OrderId) -> bool:
        """Whether it is the label of an order of the shop."""
        return self.order == _mark(order_id)

    def claimed(
        self,
        amount: Money,
        mode: CaptureMode,
        *,
        livemode: bool,
        key: LabelKey | None,
        reference: str | None = None,
    ) -> Payment | None:
        """Return the payment as it was claimed; None if the label does not prove all of it.

        Without a key, no label does. `reference` is the order that has the label.
        """
        marks = (self.order, self.user or ".")
        if self.payment is None or self.created is None or self.seal is None or key is None:
            return None
        described = _described(self.payment, self.order, self.user or "", self.created)
        if not hmac.compare_digest(self.seal, key.seal(described, amount, mode)):
            return None
        if any(map(_HASHED.fullmatch, marks)):
            return None
        if not all(map(_PLAIN.fullmatch, marks)):
            return None
        try:
            created_at = _EPOCH + int(self.created, 36) * _MICROSECOND
        except OverflowError:
            return None
        return Payment(
            id=self.payment,
            order_id=OrderId(marks[0]),
            user_id=UserId(marks[1]),
            amount=amount,
            gateway=GATEWAY,
            livemode=livemode,
            created_at=created_at,
            capture_mode=mode,
            reference=reference,
        )


def session_label(order_id: OrderId) -> str:
    """Return the label of an order that nobody has been charged for."""
    return f"s,{_mark(order_id)}"


def payment_label(payment: Payment, key: LabelKey) -> str:
    """Return the label of an order that is charged for a payment.

    The payment can be rebuilt from it, unless an id does not fit.
    """
    order, user = _mark(payment.order_id), _mark(payment.user_id)
    micros = (payment.created_at - _EPOCH) // _MICROSECOND
    described = _described(payment.id, order, user, _base36(micros))
    label = f"{described},{key.seal(described, payment.amount, payment.capture_mode)}"
    return label if len(label) <= MAX_LABEL else f"p,{payment.id},{order}"


def ended_label(payment: Payment, code: str) -> str:
    """Return the label of an order that takes no money for its payment any more."""
    return f"x,{payment.id},{_mark(payment.order_id)},{code[:_MAX_CODE]}"


def invoice_of(payment: Payment) -> str:
    """Return what PayPal shows to the customer and to the shop's staff; each payment has another.

    PayPal refuses to take money twice for one invoice, if the account's settings say so.
    """
    return f"{_mark(payment.order_id)}:{payment.id}"


def refund_label(refund: Refund) -> str:
    """Return the label of a refund: with its key and its payment.

    The id of an automatic one begins with its payment's, which is long if it is a second charge.
    """
    payment_id, refund_id = refund.payment_id, refund.id
    if refund_id.startswith(payment_id):
        return f"b,{refund_id.removeprefix(payment_id)},{refund.attempt},{payment_id}"
    return f"r,{refund_id},{refund.attempt},{payment_id}"


def labelled_refund(value: object) -> tuple[RefundId, str, PaymentId] | None:
    """Return the id, the key and the payment that a refund's label names; None if not ours."""
    found = _REFUND.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    payment_id = found["payment"] or found["whole"]
    refund_id = found["refund"] or payment_id + found["end"]
    attempt = found["attempt"] or found["of"]
    return RefundId(refund_id), f"{refund_id}:{int(attempt)}", PaymentId(payment_id)


def _described(payment_id: str, order: str, user: str, created: str) -> str:
    return f"p,{payment_id},{order},{user},{created}"


def _mark(identifier: str) -> str:
    """Return an id if it fits into a label, else a hash of it."""
    if _PLAIN.fullmatch(identifier):
        return identifier
    digest = hashlib.sha256(identifier.encode(errors="surrogatepass")).digest()
    return f".{base64.urlsafe_b64encode(digest)[:22].decode()}"


def _base36(number: int) -> str:
    digits = ""
    while number > 0:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
