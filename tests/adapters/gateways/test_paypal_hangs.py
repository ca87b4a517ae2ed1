"""PayPal keeps a connection open and never replies."""

import asyncio

import pytest

from adapters.gateways import calls
from adapters.gateways.paypal import charging, client
from application.ports.payment_gateway import CALL_SECONDS, GatewayUnavailable, OutcomeUnknown
from domain.outcome import Approved, Charged
from payments_kit.conformance.samples import a_payment
from tests.adapters.gateways.paypal_account import paypal_account

# What a charge may take here instead of fifteen seconds.
SHORT_SECONDS = 3.0


async def test_a_charge_without_a_reply_ends_in_time_and_is_unknown_once_it_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (calls, charging):
        monkeypatch.setattr(module, "MARGIN_SECONDS", CALL_SECONDS - SHORT_SECONDS)
    for name in ("_TAKE_SECONDS", "_READ_SECONDS"):
        monkeypatch.setattr(charging, name, 0.0)
    async with paypal_account() as account:
        payments = [await account.approved(a_payment()) for _ in range(3)]
        unread, unsent, taken = payments
        faults = account.paypal.faults
        faults.add("timeout_before", method="GET", about=unread.reference)
        faults.add("timeout_before", "/capture$", about=unsent.reference)
        faults.add("timeout_after", "/capture$", about=taken.reference)
        async with asyncio.timeout(CALL_SECONDS):
            outcomes = await asyncio.gather(*map(account.charge, payments), return_exceptions=True)
        assert [type(each) for each in outcomes] == [
            *(GatewayUnavailable, OutcomeUnknown, OutcomeUnknown),
        ]
        assert (faults.happened["timeout_before"], faults.happened["timeout_after"]) == (2, 1)
        # The first order was not even bound to its payment.
        assert await account.gateway.find(unread) is None
        assert isinstance(await account.gateway.find(unsent), Approved)
        assert isinstance(await account.gateway.find(taken), Charged)


async def test_without_a_token_in_time_certainly_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "TOKEN_SECONDS", 0.2)
    async with paypal_account() as account:
        payments = [await account.approved(a_payment()) for _ in range(3)]
        account.paypal.double.tokens.expire()
        account.paypal.faults.add("timeout_before", "^/v1/oauth2/token$", times=-1)
        charges = asyncio.gather(*map(account.charge, payments), return_exceptions=True)
        async with asyncio.timeout(SHORT_SECONDS):
            assert [type(each) for each in await charges] == [GatewayUnavailable] * 3
        async with asyncio.timeout(SHORT_SECONDS):
            with pytest.raises(OutcomeUnknown):
                await account.gateway.find(payments[0])
        assert not account.attempts
