"""Tillpay as a payment gateway."""

from collections.abc import Mapping

from application.ports.gateway_plugin import InvalidSetting
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.identifiers import ChargeId
from domain.money import Currency, Money
from domain.outcome import Charged, Declined, Outcome
from domain.payment import Payment
from domain.refund import Refund, Refunded, RefundFailed, RefundOutcome, RefundPending
from tillpay.client import Client, Json, RequestRefused


def _money(reply: Json) -> Money:
    return Money(reply["amount"], Currency.of(reply["currency"]))


class TillpayGateway:
    """Labels each charge and refund with our key, and finds it by that label."""

    name = "tillpay"

    def __init__(self, address: str, key: str) -> None:
        self.livemode = key.startswith("till_live_")
        self._client = Client(address, key)

    async def check(self) -> None:
        """Check the key with a query that finds nothing."""
        await self._find("/charges", label="no-such-label")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _find(self, path: str, **query: str) -> list[Json]:
        try:
            reply = await self._client.get(path, query)
        except (RequestRefused, GatewayUnavailable) as error:
            raise OutcomeUnknown(f"the query to Tillpay failed: {error}") from None
        return list(reply["found"])

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        """Charge the card; the payment's id is the idempotency key."""
        try:
            body = self._request(payment, token)
            return self._outcome(await self._client.post("/charges", payment.id, body))
        except RequestRefused as refused:
            return Declined(refused.code)

    def _request(self, payment: Payment, token: CardToken) -> Json:
        return {
            "label": payment.id,
            "card": token.value,
            "amount": payment.amount.minor_units,
            "currency": payment.amount.currency.code,
        }

    def _outcome(self, charge: Json) -> Outcome:
        match charge["state"]:
            case "paid":
                return Charged(ChargeId(charge["id"]), _money(charge), self.livemode)
            case "declined":
                return Declined(charge["code"])
            case _:
                raise OutcomeUnknown("a charge of Tillpay is not decided yet")

    async def find(self, payment: Payment) -> Outcome | None:
        """Find the charge that is labelled with the payment."""
        found = await self._find("/charges", label=payment.id)
        return self._outcome(found[0]) if found else None

    async def cancel(self, payment: Payment) -> Outcome | None:
        """Return the outcome; no Tillpay payment waits for its customer."""
        return await self.find(payment)

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        """Refund the charge; the refund's key is the idempotency key."""
        body = {
            "label": refund.key,
            "charge": refund.charge_id,
            "amount": refund.amount.minor_units,
        }
        try:
            return self._refunded(await self._client.post("/refunds", refund.key, body))
        except RequestRefused as refused:
            return RefundFailed(refused.code)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        """Find the refund by its reference or, if that is unknown, by its label."""
        query = {"id": refund.reference} if refund.reference else {"label": refund.key}
        found = await self._find("/refunds", **query)
        return self._refunded(found[0]) if found else None

    def _refunded(self, refund: Json) -> RefundOutcome:
        match refund["state"]:
            case "paid":
                return Refunded(refund["id"], _money(refund))
            case "failed":
                return RefundFailed("returned", refund["id"])
            case "pending":
                return RefundPending(refund["id"])
            case _:
                raise OutcomeUnknown("a refund of Tillpay is in an unknown state")


def make_gateway(environment: Mapping[str, str]) -> TillpayGateway:
    """Make the adapter.

    Raises:
        InvalidSetting: TILLPAY_KEY is missing or malformed.
    """
    key = environment.get("TILLPAY_KEY", "")
    if not key.startswith(("till_test_", "till_live_")):
        raise InvalidSetting("TILLPAY_KEY", "must begin with till_test_ or till_live_")
    return TillpayGateway(environment.get("TILLPAY_URL", "https://api.tillpay.example"), key)
