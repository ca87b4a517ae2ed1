"""PayPal's books: what its double has captured and given back, by the labels on its objects."""

from collections.abc import Collection
from decimal import Decimal

from adapters.gateways.paypal.amounts import from_paypal
from adapters.gateways.paypal.labels import Label, labelled_refund
from payments_kit.doubles.paypal import RunningDouble
from tests.promises import GatewayCharge, GatewayRefund

# Captures that have taken the money, whatever was given back of it later.
TAKEN = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")


def charges_of(paypal: RunningDouble, order_ids: Collection[str]) -> list[GatewayCharge]:
    """Return what PayPal has captured for these orders."""
    found = []
    for each in paypal.ledger.captures.values():
        label = Label.read(each.get("custom_id"))
        order_id = None if label is None else label.order_id
        if each["status"] not in TAKEN or label is None or order_id not in order_ids:
            continue
        assert label.payment is not None, each
        money = from_paypal(each["amount"])
        found.append(GatewayCharge(each["id"], label.payment, money, str(order_id)))
    return found


def refunds_of(paypal: RunningDouble, charges: Collection[GatewayCharge]) -> list[GatewayRefund]:
    """Return what PayPal has given back of these charges."""
    found = []
    for charge in charges:
        for each in paypal.ledger.refunds.values():
            if each["_capture"] != charge.id or each["status"] != "COMPLETED":
                continue
            label = labelled_refund(each.get("custom_id"))
            refund_id = None if label is None else label[0]
            found.append(GatewayRefund(charge.id, from_paypal(each["amount"]), refund_id))
        kept = paypal.ledger.captures[charge.id]["_refunded"]
        assert Decimal(kept) == sum(
            each.amount.major for each in found if each.charge_id == charge.id
        )
    return found
