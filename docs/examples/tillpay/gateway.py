"""Tillpay as a payment gateway."""

from collections.abc import Mapping

from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.identifiers import ChargeId
from domain.money import Currency, Money
from domain.outcome import Charged, Declined, Outcome
from domain.payment import Payment
from domain.refund import Refund, Refunded, RefundFailed, RefundOutcome
from entrypoints.settings import InvalidSetting
from tillpay.line import Json, Line, Refused


def _money(answer: Json) -> Money:
    return Money(answer["amount"], Currency.of(answer["currency"]))


class TillpayGateway:
    """Each charge and refund is labelled with our key, by which it is found again."""

    name = "tillpay"

    def __init__(self, address: str, key: str) -> None:
        self.livemode = key.startswith("till_live_")
        self._line = Line(address, key)

    async def check(self) -> None:
        """Ask for the charges of nobody."""
        await self._found("/charges", label="nobody")

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()

    async def _found(self, path: str, **wanted: str) -> list[Json]:
        try:
            answer = await self._line.get(path, wanted)
        except (Refused, GatewayUnavailable) as unanswered:
            raise OutcomeUnknown(f"tillpay could not be asked: {unanswered}") from None
        return list(answer["found"])

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        """Take the money; the payment's id is the key that makes once of often."""
        body = {
            "label": payment.id,
            "card": token.value,
            "amount": payment.amount.minor_units,
            "currency": payment.amount.currency.code,
        }
        try:
            return self._outcome(await self._line.post("/charges", payment.id, body))
        except Refused as refused:
            return Declined(refused.code)

    def _outcome(self, charge: Json) -> Outcome:
        if charge["declined"]:
            return Declined(charge["declined"])
        return Charged(ChargeId(charge["id"]), _money(charge), self.livemode)

    async def find(self, payment: Payment) -> Outcome | None:
        """Look for what was labelled with the payment."""
        found = await self._found("/charges", label=payment.id)
        return self._outcome(found[0]) if found else None

    async def cancel(self, payment: Payment) -> Outcome | None:
        """Look only: at Tillpay nothing ever waits for its customer."""
        return await self.find(payment)

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        """Give money back; the refund's key is the key."""
        body = {
            "label": refund.key,
            "charge": refund.charge_id,
            "amount": refund.amount.minor_units,
        }
        try:
            return self._refunded(await self._line.post("/refunds", refund.key, body))
        except Refused as refused:
            return RefundFailed(refused.code)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        """Look for the refund of that name or, while it has none, of that label."""
        name = {"id": refund.reference} if refund.reference else {"label": refund.key}
        found = await self._found("/refunds", **name)
        return self._refunded(found[0]) if found else None

    def _refunded(self, refund: Json) -> RefundOutcome:
        return Refunded(refund["id"], _money(refund))


def make_gateway(environment: Mapping[str, str]) -> TillpayGateway:
    """Make the adapter.

    Raises:
        BadSetting: TILLPAY_KEY is missing or malformed.
    """
    key = environment.get("TILLPAY_KEY", "")
    if not key.startswith(("till_test_", "till_live_")):
        raise InvalidSetting("TILLPAY_KEY", "must begin with till_test_ or till_live_")
    return TillpayGateway(environment.get("TILLPAY_URL", "https://api.tillpay.example"), key)
