"""Events reach an endpoint as from PayPal: signed, in any order, repeated or forged."""

import base64
import json
import zlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from payments_kit.doubles.paypal import RunningDouble
from tests.doubles.paypal.api import PAYMENTS, Api, usd
from tests.doubles.shop import Shop, running_shop

WEBHOOK_ID = "1JE4291016473214C"
NAME = "messageverificationcerts.paypal.com"


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with running_shop() as shop:
        await api.control("POST", "webhooks", url=shop.url, id=WEBHOOK_ID)
        yield shop


async def verified(api: Api, body: bytes, headers: Mapping[str, str]) -> Any:
    """Return an event, verified as PayPal documents it.

    https://developer.paypal.com/api/rest/webhooks/rest/#link-selfverificationmethod
    """
    if headers.get("PAYPAL-AUTH-ALGO") != "SHA256withRSA":
        raise InvalidSignature
    address = headers["PAYPAL-CERT-URL"]
    if not address.startswith(api.url):
        raise InvalidSignature
    async with api.session.get(address) as reply:
        leaf, *others = x509.load_pem_x509_certificates(await reply.read())
    pem = (await api.control("GET", "root_certificate"))["pem"]
    store = Store([x509.load_pem_x509_certificate(pem.encode())])
    PolicyBuilder().store(store).build_server_verifier(x509.DNSName(NAME)).verify(leaf, others)
    key = leaf.public_key()
    assert isinstance(key, RSAPublicKey)
    time = headers["PAYPAL-TRANSMISSION-TIME"]
    parts = (headers["PAYPAL-TRANSMISSION-ID"], time, WEBHOOK_ID, str(zlib.crc32(body)))
    signature = base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"])
    key.verify(signature, "|".join(parts).encode(), PKCS1v15(), SHA256())
    if datetime.now(UTC) - datetime.fromisoformat(time) > timedelta(days=4):
        raise InvalidSignature
    return json.loads(body)


async def test_events_arrive_in_order_and_verify(api: Api, shop: Shop) -> None:
    capture = await api.captured(custom_id="payment-1")
    await shop.until(2)
    approved, completed = [await verified(api, *each) for each in shop.received]
    assert approved["event_type"] == "CHECKOUT.ORDER.APPROVED"
    assert approved["resource"]["status"] == "APPROVED"
    assert completed["event_type"] == "PAYMENT.CAPTURE.COMPLETED"
    assert completed["resource_type"] == "capture"
    assert completed["resource"]["id"] == capture["id"]
    assert completed["resource"]["custom_id"] == "payment-1"
    related = completed["resource"]["supplementary_data"]["related_ids"]
    assert related == {"order_id": approved["resource"]["id"]}
    assert completed["id"].startswith("WH-")


async def test_every_change_has_its_event(api: Api, shop: Shop) -> None:
    pending = await api.captured(instrument="echeck")
    await api.control("POST", "finish", capture=pending["id"], result="failed")
    capture = await api.captured()
    path = f"{PAYMENTS}/captures/{capture['id']}/refund"
    await api("POST", path, 201, {"amount": usd("1.00")})
    await api.control("POST", "next_refund", status="PENDING")
    refund = await api("POST", path, 201, {"amount": usd("2.00")})
    await api.control("POST", "finish", refund=refund["id"], result="failed")
    dispute = await api.control("POST", "dispute", capture=capture["id"])
    await api.control("POST", "update_dispute", dispute=dispute["dispute_id"])
    await api.control("POST", "resolve_dispute", dispute=dispute["dispute_id"])
    held = await api.authorized()
    await api("POST", f"{PAYMENTS}/authorizations/{held['id']}/void", 204, Prefer="")
    await shop.until(14)
    assert shop.types("event_type") == [
        *("CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.DENIED"),
        *("CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"),
        *("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED"),
        *(f"CUSTOMER.DISPUTE.{what}" for what in ("CREATED", "UPDATED", "RESOLVED")),
        *("CHECKOUT.ORDER.APPROVED", "PAYMENT.AUTHORIZATION.CREATED"),
        "PAYMENT.AUTHORIZATION.VOIDED",
    ]


async def test_events_are_held_and_released_in_any_order(api: Api, shop: Shop) -> None:
    await api.control("POST", "webhooks/delivery", paused=True)
    await api.captured()
    deliveries = (await api.control("GET", "webhooks"))["deliveries"]
    assert {each["state"] for each in deliveries} == {"held"}
    assert shop.received == []
    sent = (await api.control("POST", "deliver", order="last"))["deliveries"]
    types = ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.APPROVED"]
    assert shop.types("event_type") == types
    await api.control("POST", "deliver", events=[sent[0]["event"]], duplicate=2)
    assert shop.types("event_type") == types + types[:1] * 2
    # Each delivery has a transmission of its own.
    assert len({headers["PAYPAL-TRANSMISSION-ID"] for _, headers in shop.received}) == 4


async def test_an_event_that_is_not_accepted_is_sent_again(api: Api, shop: Shop) -> None:
    await api.control("POST", "webhooks/delivery", retry_after=0.02)
    shop.statuses = [503, 400]
    await api.approved()
    await shop.until(3)
    assert len({json.loads(body)["id"] for body, _ in shop.received}) == 1
    for body, headers in shop.received:
        await verified(api, body, headers)


@pytest.mark.parametrize(
    "forged",
    [
        *("wrong_key", "wrong_webhook", "tampered", "unsigned", "malformed", "foreign_chain"),
        *("foreign_host", "wrong_algorithm", "stale"),
    ],
)
async def test_a_forged_event_does_not_verify(api: Api, shop: Shop, forged: str) -> None:
    await api.control("POST", "webhooks/delivery", paused=True)
    await api.approved()
    await api.control("POST", "deliver", forged=forged)
    with pytest.raises((InvalidSignature, VerificationError, ValueError)):
        await verified(api, *shop.received[0])


async def test_an_endpoint_receives_the_events_that_it_has_asked_for(
    api: Api, double: RunningDouble
) -> None:
    async with running_shop() as shop:
        double.webhooks.register(shop.url, enabled_events=["PAYMENT.CAPTURE.COMPLETED"])
        await api.captured()
        await shop.until(1)
        assert shop.types("event_type") == ["PAYMENT.CAPTURE.COMPLETED"]


async def test_an_unknown_certificate_is_not_found(api: Api) -> None:
    async with api.session.get(f"{api.url}/v1/notifications/certs/CERT-none") as reply:
        assert reply.status == 404
