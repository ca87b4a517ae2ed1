"""Bill: an order, every attempt to pay it and everything given back: what is decided about together."""

from datetime import datetime, timedelta

from attrs import evolve, frozen

from domain.dispute import Dispute, DisputeId, DisputeStatus
from domain.errors import DomainError
from domain.money import Money
from domain.order import (
    NotYourOrder,
    Order,
    OrderCancelled,
    OrderExpired,
    OrderId,
    OrderStatus,
    UserId,
)
from domain.payment import (
    AUTHENTICATION_WINDOW,
    FIRST_LOOK,
    Charged,
    ChargeId,
    Declined,
    Evidence,
    NeverArrived,
    Payment,
    PaymentId,
    PaymentStatus,
    RequiresAction,
)
from domain.refund import (
    MOST_RETRIES,
    SEND_LEASE,
    SETTLEMENT_LOOK,
    Refund,
    Refunded,
    RefundId,
    RefundOutcome,
    RefundRefused,
    RefundStatus,
)


@frozen
class OrderNotFound(DomainError):
    """No `order:created` has been heard for this order."""

    order_id: OrderId


@frozen
class AlreadyPaid(DomainError):
    """The order has been paid; `payment` is the one that did, if it is ours and the payer's own."""

    order_id: OrderId
    payment: Payment | None


@frozen
class PaymentUnderWay(DomainError):
    """Another payment of this order may still succeed; `payment` is that, if it is the payer's own."""

    order_id: OrderId
    payment: Payment | None


@frozen
class AmountDiffers(DomainError):
    """The payer agreed to another amount or currency than what is due."""

    due: Money


@frozen
class PaymentNotFound(DomainError):
    """There is no such payment, or it is another user's."""

    payment_id: PaymentId


@frozen
class NotRefundable(DomainError):
    """The payment has not been captured, so there is nothing to give back."""

    payment_id: PaymentId
    status: PaymentStatus


@frozen
class RefundExceedsPayment(DomainError):
    """More would be given back than was taken; `left` is what may still be refunded."""

    payment_id: PaymentId
    left: Money


@frozen
class Agreed:
    """What the payer believes to owe; None where they did not say."""

    minor: int | None = None
    currency: str | None = None

    def matches(self, due: Money) -> bool:
        """Whether the payer agrees with what is due."""
        return self.minor in (None, due.minor) and (
            self.currency is None or self.currency.lower() == due.currency.code
        )


@frozen
class Bill:
    """One order with its payments, refunds and disputes, changed only as a whole.

    Invariants: at most one payment is live; our refunds of a payment never ask for more than it took.
    """

    order: Order
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    def payment(self, payment_id: PaymentId) -> Payment:
        """One of its payments.

        Raises:
            PaymentNotFound: it is not on this bill.
        """
        for payment in self.payments:
            if payment.id == payment_id:
                return payment
        raise PaymentNotFound(payment_id)

    def refund(self, refund_id: RefundId) -> Refund | None:
        """One of its refunds."""
        return next((refund for refund in self.refunds if refund.id == refund_id), None)

    @property
    def live_payment(self) -> Payment | None:
        """The payment that keeps the order from being paid by another one."""
        return next((payment for payment in self.payments if self.blocks(payment)), None)

    def blocks(self, payment: Payment) -> bool:
        """Whether a payment keeps the order from being paid by another one.

        One under review does for as long as anything of it is left to be given back; but it is not
        live, as it may turn up beside a live one.
        """
        if payment.status is PaymentStatus.REVIEW:
            return not self.refundable(payment).is_zero
        return payment.is_live

    def refundable(self, payment: Payment) -> Money:
        """What of the money taken is neither given back nor on its way back."""
        if payment.taken is None:
            return Money(0, payment.amount.currency)
        reserved = sum(
            refund.amount.minor
            for refund in self.refunds
            if refund.payment_id == payment.id and refund.reserves
        )
        # Another hand than ours may have given back what we had set aside already.
        return Money(max(0, payment.taken.minor - reserved), payment.taken.currency)

    # --- the order -----------------------------------------------------------------------------

    def hear(self, event: Order, now: datetime) -> "Bill":
        """Learn what an order event says; a cancelled order's money goes back.

        A payment that waits for its customer is looked after at once, so that it can be called off.
        """
        bill = evolve(self, order=self.order.merge(event))
        if not bill.order.is_cancelled:
            return bill
        for payment in bill.payments:
            if payment.is_captured:
                bill = bill._return_what_may_not_be_kept(payment, now)
            elif payment.status is PaymentStatus.REQUIRES_ACTION and not self.order.is_cancelled:
                bill = bill.with_payment(payment.look_now(now))
        return bill

    def complete(self) -> "Bill":
        """The order has been paid for; a cancelled one stays cancelled."""
        return evolve(self, order=self.order.complete())

    # --- a payment -----------------------------------------------------------------------------

    def claim(
        self,
        payment_id: PaymentId,
        payer: UserId,
        agreed: Agreed,
        gateway: str,
        livemode: bool,
        now: datetime,
    ) -> "Bill":
        """Begin a payment: from now on no other one can be begun until this one is out of the way.

        Raises:
            OrderNotFound: its `order:created` has not been heard.
            NotYourOrder: it belongs to somebody else.
            OrderCancelled, OrderExpired: it can no longer be paid.
            AlreadyPaid, PaymentUnderWay: another payment of it is live.
            AmountDiffers: the payer agreed to something else than what is due.
        """
        if any(payment.id == payment_id for payment in self.payments):
            return self  # the claim was committed, only its confirmation was lost
        order, terms = self.order, self.order.terms
        if terms is None:
            raise OrderNotFound(order.id)
        if terms.user_id != payer:
            raise NotYourOrder(order.id)
        if order.is_cancelled:
            raise OrderCancelled(order.id)
        live = self.live_payment
        # The order may have changed hands since: nobody learns of another user's payment.
        own = live if live is not None and live.user_id == payer else None
        if live is not None and live.is_open:
            raise PaymentUnderWay(order.id, own)
        if live is not None or order.status is OrderStatus.COMPLETE:
            raise AlreadyPaid(order.id, own)
        if terms.expires_at is not None and order.is_expired(now):
            raise OrderExpired(order.id, terms.expires_at)
        if not agreed.matches(terms.price):
            raise AmountDiffers(terms.price)
        return self.with_payment(
            Payment(
                id=payment_id,
                order_id=order.id,
                user_id=payer,
                amount=terms.price,
                gateway=gateway,
                livemode=livemode,
                created_at=now,
                look_at=now + FIRST_LOOK,
            )
        )

    def settle(self, payment_id: PaymentId, evidence: Evidence, now: datetime) -> "Bill":
        """Record what became of a payment; hearing it twice, or late, changes nothing more.

        Whether the order keeps the money depends on the order of arrival in one case only: a charge
        after a refusal is given back, as the customer was told no; a refusal after a charge is void.

        Raises:
            PaymentNotFound: it is not on this bill.
            ContradictoryOutcome: the gateway reports two charges for it.
        """
        payment = self.payment(payment_id)
        match evidence:
            case Charged():
                return self._captured(payment, evidence, now)
            case Declined():
                return self.with_payment(payment.fail(evidence))
            case RequiresAction():
                return self.with_payment(payment.require_action(evidence))
            case NeverArrived():
                return self.with_payment(payment.abandon())

    def calls_off(self, payment: Payment, now: datetime) -> bool:
        """Whether a payment that waits for its customer need not be waited for any longer."""
        if payment.status is PaymentStatus.ABANDONED:
            return payment.reference is not None
        return payment.status is PaymentStatus.REQUIRES_ACTION and (
            self.order.is_cancelled
            or self.order.is_expired(now)
            or now >= payment.created_at + AUTHENTICATION_WINDOW
        )

    def _captured(self, payment: Payment, charged: Charged, now: datetime) -> "Bill":
        if payment.is_captured:
            return self.with_payment(payment.succeed(charged))
        found = payment.differs_from(charged)
        unwanted = self._unwanted(payment, now)
        if found is not None:
            payment = payment.review(charged, found)
        elif unwanted is not None:
            payment = payment.unwant(charged, unwanted)
        else:
            return self.with_payment(payment.succeed(charged)).complete()
        return self.with_payment(payment)._return_what_may_not_be_kept(payment, now)

    def _unwanted(self, payment: Payment, now: datetime) -> str | None:
        """Why the order may not have a payment that has just turned out to be charged."""
        if self.order.is_cancelled:
            return "order_cancelled"
        if any(self.blocks(other) and other.id != payment.id for other in self.payments):
            return "order_already_paid"
        if self.order.is_expired(now):
            return "order_expired"
        return "declined_before" if payment.status is PaymentStatus.FAILED else None

    # --- a refund ------------------------------------------------------------------------------

    def reserve_refund(
        self,
        refund_id: RefundId,
        payment_id: PaymentId,
        minor: int | None,
        reason: str,
        now: datetime,
    ) -> "Bill":
        """Set part of a payment aside to be given back; all that is left where no amount is named.

        Raises:
            PaymentNotFound: it is not on this bill.
            NotRefundable: its money was never taken.
            RefundExceedsPayment: less than that is left, or nothing.
        """
        if self.refund(refund_id) is not None:
            return self  # the reservation was committed, only its confirmation was lost
        payment = self.payment(payment_id)
        if not payment.is_captured:
            raise NotRefundable(payment_id, payment.status)
        left = self.refundable(payment)
        wanted = left.minor if minor is None else minor
        if not 0 < wanted <= left.minor:
            raise RefundExceedsPayment(payment_id, left)
        amount = Money(wanted, left.currency)
        return self.with_refund(_refund(refund_id, payment, amount, reason, now))

    def settle_refund(self, refund_id: RefundId, outcome: RefundOutcome, now: datetime) -> "Bill":
        """Record what became of a refund; hearing it twice changes nothing.

        Where the order may not keep the payment, what a refused refund leaves goes back by itself.
        """
        refund = self.refund(refund_id)
        if refund is None:
            return self
        if isinstance(outcome, Refunded) and self._is_back(outcome.reference, refund):
            outcome = RefundRefused("refunded_by_another_hand")
        payment = self.payment(refund.payment_id)
        return self.with_refund(refund.settle(outcome))._return_what_may_not_be_kept(payment, now)

    def hear_refund(
        self,
        charge_id: ChargeId,
        reference: str,
        amount: Money,
        outcome: RefundOutcome,
        now: datetime,
    ) -> "Bill":
        """Learn of a refund that another hand than ours began, at the gateway's own pages.

        While a bank has it, recovery asks after it like after one of ours, but never sends it.
        """
        payment = next((each for each in self.payments if each.charge_id == charge_id), None)
        if payment is None:
            return self
        known = next((each for each in self.refunds if each.reference == reference), None)
        if known is not None:
            return self.settle_refund(known.id, outcome, now)
        refund_id = RefundId(reference)
        theirs = _refund(refund_id, payment, amount, "by_another_hand", now)
        look_at = now + SETTLEMENT_LOOK
        bill = self.with_refund(evolve(theirs, reference=reference, look_at=look_at))
        return bill.settle_refund(refund_id, outcome, now)

    def _is_back(self, reference: str, refund: Refund) -> bool:
        """Whether the gateway names a refund that stands on this bill already, under another id."""
        return any(each.reference == reference and each.id != refund.id for each in self.refunds)

    def _return_what_may_not_be_kept(self, payment: Payment, now: datetime) -> "Bill":
        """Give back what is left of a payment that the order may not have, if it is one."""
        if payment.status is PaymentStatus.UNWANTED:
            return self._give_back(payment, payment.code or "unwanted", now)
        if self.order.is_cancelled:
            return self._give_back(payment, "order_cancelled", now)
        return self

    def _give_back(self, payment: Payment, reason: str, now: datetime) -> "Bill":
        """Give back by itself what is left of a payment; once, as nothing is left then.

        What the gateway refused goes back as a new refund, so that whatever is still said about
        the old one is not taken for it.
        """
        left = self.refundable(payment)
        before = [refund for refund in self.refunds if refund.payment_id == payment.id]
        refused = sum(each.automatic and each.status is RefundStatus.FAILED for each in before)
        if left.is_zero or refused > MOST_RETRIES:
            return self
        refund_id = RefundId(f"{payment.id}-back-{len(before)}")
        refund = _refund(refund_id, payment, left, reason, now)
        wait = timedelta(minutes=(1 << refused) // 2)
        return self.with_refund(evolve(refund, automatic=True, attempt=refused, look_at=now + wait))

    # --- a dispute -----------------------------------------------------------------------------

    def hear_dispute(
        self,
        dispute_id: DisputeId,
        charge_id: ChargeId,
        amount: Money,
        reason: str,
        status: DisputeStatus,
    ) -> "Bill":
        """Learn how a dispute about one of its payments stands."""
        known = self.dispute(dispute_id)
        if known is not None:
            heard = known.hear(status)
            disputes = tuple(heard if each.id == dispute_id else each for each in self.disputes)
            return evolve(self, disputes=disputes)
        for payment in self.payments:
            if payment.charge_id == charge_id:
                dispute = Dispute(
                    dispute_id, payment.id, self.order.id, charge_id, amount, reason, status
                )
                return evolve(self, disputes=(*self.disputes, dispute))
        return self

    def dispute(self, dispute_id: DisputeId) -> Dispute | None:
        """One of its disputes."""
        return next((each for each in self.disputes if each.id == dispute_id), None)

    # --- parts ---------------------------------------------------------------------------------

    def with_payment(self, payment: Payment) -> "Bill":
        """This bill with a payment put in the place of the one with its id, or added."""
        if all(other.id != payment.id for other in self.payments):
            return evolve(self, payments=(*self.payments, payment))
        return evolve(
            self, payments=tuple(payment if old.id == payment.id else old for old in self.payments)
        )

    def with_refund(self, refund: Refund) -> "Bill":
        """This bill with a refund put in the place of the one with its id, or added."""
        if self.refund(refund.id) is None:
            return evolve(self, refunds=(*self.refunds, refund))
        return evolve(
            self, refunds=tuple(refund if old.id == refund.id else old for old in self.refunds)
        )


def _refund(
    refund_id: RefundId, payment: Payment, amount: Money, reason: str, now: datetime
) -> Refund:
    assert payment.charge_id is not None, "only captured payments are refunded"  # noqa: S101
    return Refund(
        id=refund_id,
        payment_id=payment.id,
        order_id=payment.order_id,
        charge_id=payment.charge_id,
        amount=amount,
        reason=reason,
        created_at=now,
        look_at=now + SEND_LEASE,
    )
