"""The part of the control API about the balance: payouts, and the conversion of currencies."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from payments_kit.doubles.stripe import payouts
from payments_kit.doubles.stripe.double import Double
from payments_kit.doubles.stripe.errors import Json


async def pay_out(double: Double, body: Json) -> Any:
    """Pay out what is not paid out of a {currency}; with {automatic}: false, an {amount} of it."""
    return payouts.pay_out(
        double.ledger,
        body.get("currency", "usd"),
        automatic=bool(body.get("automatic", True)),
        amount=body.get("amount"),
    )


async def fail_payout(double: Double, body: Json) -> Any:
    """Let a {payout} come back from the bank."""
    return payouts.fail(
        double.ledger, double.ledger.get("po", body.get("payout", ""), "payout", status=404)
    )


async def convert(double: Double, body: Json) -> Any:
    """Convert what is charged in {from} to the currency {to} of the account, at a {rate}."""
    double.ledger.conversions[body["from"]] = (body["to"], float(body["rate"]))
    return double.ledger.conversions


BALANCE_CONTROL: Final[dict[tuple[str, str], Callable[[Double, Json], Awaitable[Any]]]] = {
    ("POST", "/_double/payout"): pay_out,
    ("POST", "/_double/fail_payout"): fail_payout,
    ("POST", "/_double/convert"): convert,
}
