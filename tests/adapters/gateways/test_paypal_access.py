"""PayPal's access tokens: kept, renewed, and nowhere shown."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.gateways.paypal.access_tokens import AccessTokens
from adapters.gateways.paypal.wire import HttpReply
from application.ports.payment_gateway import (
    CardToken,
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from domain.outcome import Charged
from domain.refund import Refunded
from payments_kit.conformance.samples import a_payment, a_refund
from tests.adapters.gateways.paypal_account import Account, make_gateway, paypal_account

CAPTURE, READ = r"/capture$", "^/v2/checkout/orders/"


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with paypal_account() as account:
        yield account


async def test_tokens_are_kept_and_asked_for_one_at_a_time(account: Account) -> None:
    payments = [await account.approved(a_payment()) for _ in range(2)]
    account.paypal.double.tokens.expire()
    await asyncio.gather(*map(account.charge, payments))
    assert len(account.sent("/v1/oauth2/token")) == 2
    assert len(account.paypal.ledger.captures) == 2


async def test_a_request_is_sent_again_with_a_new_token_as_it_was(account: Account) -> None:
    payment = await account.approved(a_payment(1000))
    charged = await account.charge(payment)
    assert isinstance(charged, Charged)
    refund = a_refund(payment, charged, 400)
    account.paypal.faults.add("status_before", "/refund$", status=401)
    refunded = await account.gateway.refund(payment, refund)
    assert isinstance(refunded, Refunded)
    assert refunded.amount == refund.amount
    requests = account.sent(f"/v2/payments/captures/{charged.charge_id}/refund")
    assert [each["key"] for each in requests] == [refund.key] * 2
    assert await account.gateway.refund(payment, refund) == refunded


async def test_a_token_is_renewed_before_its_end(account: Account) -> None:
    account.paypal.double.tokens.seconds = 0.05
    for _ in range(2):
        await account.session(a_payment())
        await asyncio.sleep(0.05)
    assert len(account.sent("/v1/oauth2/token")) == 2


async def test_wrong_credentials_are_refused_and_nowhere_shown(account: Account) -> None:
    secret = "EKsecret-of-the-shop"
    gateway = make_gateway(account.paypal.url, secret=secret)
    try:
        with pytest.raises(KeyRefused, match="PAYPAL_CLIENT_SECRET") as refused:
            await gateway.charge(a_payment(), CardToken("A" * 17))
        with pytest.raises(LookupRefused) as failed:
            await gateway.check()
        assert secret not in f"{refused.value!r} {failed.value!r} {gateway!r} {gateway.api!r}"
    finally:
        await gateway.close()


async def test_what_paypal_quotes_of_the_credentials_is_not_shown() -> None:
    quoted = ("basic QUJDREVGR0hJSktMTU5P", "owner@shop.example")

    async def refuse(_credentials: str) -> HttpReply:
        body = {"error": "invalid_client", "error_description": f"Unknown: {' of '.join(quoted)}"}
        return HttpReply(401, {}, body)

    with pytest.raises(KeyRefused, match="Unknown: <redacted> of <redacted>") as refused:
        await AccessTokens("client", "secret", refuse).current()
    assert not [each for each in quoted if each in str(refused.value)]


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        *((status, "invalid_client", KeyRefused) for status in (400, 401, 403)),
        (429, "too_many_requests", GatewayUnavailable),
        (500, "server_error", GatewayUnavailable),
        (503, "temporarily_unavailable", GatewayUnavailable),
    ],
)
async def test_credentials_are_wrong_only_if_paypal_has_looked_at_them(
    status: int, error: str, expected: type[GatewayUnavailable]
) -> None:
    async def reply(_credentials: str) -> HttpReply:
        return HttpReply(status, {}, {"error": error, "error_description": "…"})

    with pytest.raises(GatewayUnavailable) as raised:
        await AccessTokens("client", "secret", reply).current()
    assert type(raised.value) is expected


@pytest.mark.parametrize("kind", ["reset_before", "garbage"])
async def test_without_a_token_certainly_nothing_is_done(account: Account, kind: Any) -> None:
    account.paypal.faults.add(kind, "^/v1/oauth2/token$")
    with pytest.raises(GatewayUnavailable):
        await account.gateway.charge(a_payment(), CardToken("A" * 17))
    account.paypal.faults.add("status_before", "^/v1/oauth2/token$", status=500)
    with pytest.raises(OutcomeUnknown):
        await account.gateway.check()


async def test_the_live_mode_is_that_of_paypal_s_live_address() -> None:
    for address, is_live in (
        ("https://api-m.paypal.com/", True),
        ("https://api-m.sandbox.paypal.com", False),
        ("http://127.0.0.1:1", False),
    ):
        assert make_gateway(address).livemode is is_live
