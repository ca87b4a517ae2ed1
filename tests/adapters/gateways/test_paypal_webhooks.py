"""Verification of PayPal's webhooks: signatures, and the certificates that they are made with."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from adapters.gateways.outward import CA_VARIABLES
from adapters.gateways.paypal.certificates import Certificates
from adapters.gateways.paypal.notifications import PayPalNotificationReader
from application.ports.gateway_notifications import (
    InvalidNotification,
    RefusedBecause,
    UnrelatedNotification,
)
from application.ports.payment_gateway import GatewayUnavailable
from payments_kit.doubles.paypal.certificates import make_signer, own_signer
from payments_kit.doubles.paypal.webhooks import CERTIFICATES_PATH, OWN_CERTIFICATE, Forgery
from tests.adapters.gateways.paypal_account import Account, paypal_account
from tests.adapters.gateways.paypal_signing import BASE, WEBHOOK_ID, Host, signed

EVENT = b'{"id": "WH-1", "event_type": "BILLING.PLAN.CREATED", "event_version": "1.0"}'
LIVE, SANDBOX = "https://api-m.paypal.com", "https://api-m.sandbox.paypal.com"
NAME = "CERT-360caa42-fca2a594-1d93a270"


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with paypal_account() as account:
        yield account


def now() -> datetime:
    """Return the time: the double's certificates are made now."""
    return datetime.now(UTC)


def reader(certificates: Certificates, webhook_id: str = WEBHOOK_ID) -> PayPalNotificationReader:
    """Return a reader."""
    return PayPalNotificationReader(webhook_id, certificates, now, livemode=False, key=None)


async def refused(certificates: Certificates, address: str) -> str:
    """Return why the certificate at an address is refused."""
    with pytest.raises(InvalidNotification) as error:
        await certificates.key(address, now())
    return str(error.value)


async def test_a_certificate_is_fetched_once_for_notifications_at_the_same_time() -> None:
    host = Host()
    read = reader(host.certificates()).read
    results = await asyncio.gather(*(read(EVENT, signed(EVENT, now())) for _ in range(5)))
    assert set(results) == {UnrelatedNotification("WH-1")}
    assert host.asked == [f"{BASE}{CERTIFICATES_PATH}{OWN_CERTIFICATE}"]


@pytest.mark.parametrize("forged", get_args(Forgery))
async def test_no_forgery_is_accepted(
    account: Account, forged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root.pem"
    root.write_bytes(own_signer().root_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    webhooks = account.paypal.webhooks
    endpoint = webhooks.register("http://shop.example", WEBHOOK_ID)
    event = {"id": "WH-1", "event_type": "BILLING.PLAN.CREATED", "event_version": "1.0"}
    read = reader(Certificates(account.paypal.url)).read
    for forgery in (None, forged):
        body, headers = webhooks.sealed(event, endpoint, forgery)
        fields = {name.lower(): value for name, value in headers.items()}
        if forgery is None:
            assert await read(body, fields) == UnrelatedNotification("WH-1")
        else:
            with pytest.raises(InvalidNotification):
                await read(body, fields)


async def test_a_root_that_nobody_names_is_not_trusted(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    address = f"{account.paypal.url}{CERTIFICATES_PATH}{OWN_CERTIFICATE}"
    reason = await refused(Certificates(account.paypal.url), address)
    assert "no authority" in reason


@pytest.mark.parametrize(
    "variables",
    [
        {"SSL_CERT_FILE": "root.pem"},
        {"REQUESTS_CA_BUNDLE": "root.pem"},
        {"SSL_CERT_DIR": ""},
        {"SSL_CERT_FILE": None, "SSL_CERT_DIR": ""},
        {"SSL_CERT_FILE": None, "SSL_CERT_DIR": None, "REQUESTS_CA_BUNDLE": "root.pem"},
    ],
    ids=str,
)
async def test_a_root_that_the_environment_names_is_trusted(
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str | None],
) -> None:
    (tmp_path / "root.pem").write_bytes(b"Ours:\n" + own_signer().root_pem)
    (tmp_path / "README").write_text("no certificate")
    (tmp_path / "more").mkdir()
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, file in variables.items():
        monkeypatch.setenv(name, "" if file is None else str(tmp_path / file))
    address = f"{account.paypal.url}{CERTIFICATES_PATH}{OWN_CERTIFICATE}"
    await Certificates(account.paypal.url).key(address, now())  # or it raises


@pytest.mark.parametrize(
    "address",
    [
        f"http://api.paypal.com{CERTIFICATES_PATH}{NAME}",
        f"https://api.paypal.com.attacker.example{CERTIFICATES_PATH}{NAME}",
        f"https://attacker.example{CERTIFICATES_PATH}{NAME}",
        f"https://user@api.paypal.com{CERTIFICATES_PATH}{NAME}",
        f"https://api.paypal.com:8443{CERTIFICATES_PATH}{NAME}",
        f"https://api.paypal.com{CERTIFICATES_PATH}{NAME}?x=1",
        f"https://api.paypal.com{CERTIFICATES_PATH}{NAME}#x",
        f"https://api.paypal.com{CERTIFICATES_PATH}../../x",
        "https://api.paypal.com/x",
        f"https://www.paypal.com{CERTIFICATES_PATH}{NAME}",
        f"https://api.sandbox.paypal.com{CERTIFICATES_PATH}{NAME}",
        f"https://[api.paypal.com{CERTIFICATES_PATH}{NAME}",
        f"{LIVE}{CERTIFICATES_PATH}{'x' * 300}",
        "",
    ],
)
async def test_an_address_that_is_not_paypal_s_is_never_asked(address: str) -> None:
    host = Host()
    assert "not PayPal's" in await refused(host.certificates(LIVE), address) or not host.asked
    assert not host.asked


@pytest.mark.parametrize(
    ("base", "host_name", "is_asked"),
    [
        (LIVE, "https://api.paypal.com", True),
        (LIVE, "https://api-m.sandbox.paypal.com", False),
        (SANDBOX, "https://api.sandbox.paypal.com", True),
        (SANDBOX, "https://api.paypal.com", False),
        (BASE, BASE, True),
        (LIVE, BASE, False),
        (BASE, "https://api.paypal.com", True),
    ],
)
async def test_certificates_of_one_mode_do_not_count_in_the_other(
    base: str, host_name: str, is_asked: bool
) -> None:
    host = Host()
    await refused(host.certificates(base), f"{host_name}{CERTIFICATES_PATH}{NAME}")
    assert bool(host.asked) is is_asked


async def test_a_certificate_of_another_name_is_refused() -> None:
    signer = make_signer("www.paypal.com", "Root of another name")

    async def fetch(_: str) -> bytes:
        return signer.chain

    certificates = Certificates(BASE, fetch=fetch, trusted=(signer.root,))
    assert "not PayPal's" in await refused(certificates, f"{BASE}{CERTIFICATES_PATH}{NAME}")


async def test_a_certificate_counts_while_it_is_valid_only() -> None:
    certificates, address = Host().certificates(), f"{BASE}{CERTIFICATES_PATH}{OWN_CERTIFICATE}"
    for later in (timedelta(days=400), timedelta(days=-2)):
        with pytest.raises(InvalidNotification):
            await certificates.key(address, now() + later)
    await certificates.key(address, now())
    with pytest.raises(InvalidNotification, match="not valid at this time"):
        await certificates.key(address, now() + timedelta(days=400))
    await certificates.key(address, now())


@pytest.mark.parametrize("content", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
async def test_what_is_no_certificate_is_refused(content: bytes) -> None:
    async def fetch(_: str) -> bytes:
        return content

    await refused(Certificates(BASE, fetch=fetch), f"{BASE}{CERTIFICATES_PATH}{NAME}")


async def test_a_time_without_a_zone_is_not_guessed_although_it_is_signed() -> None:
    reads = reader(Host().certificates())
    with pytest.raises(InvalidNotification, match="time cannot be read"):
        await reads.read(EVENT, signed(EVENT, now(), written="%Y-%m-%dT%H:%M:%S"))
    await reads.read(EVENT, signed(EVENT, now(), written="%Y-%m-%dT%H:%M:%S+00:00"))


@pytest.mark.parametrize("kind", ["status_before", "reset_before", "garbage"])
async def test_a_certificate_that_cannot_be_fetched_refuses_nothing(
    account: Account, kind: str
) -> None:
    account.paypal.faults.add(
        "status_before" if kind == "garbage" else kind,  # type: ignore[arg-type]
        CERTIFICATES_PATH,
        method="GET",
        status=503,
        times=2,
        html=kind == "garbage",
    )
    address = f"{account.paypal.url}{CERTIFICATES_PATH}{OWN_CERTIFICATE}"
    certificates = Certificates(account.paypal.url, trusted=(own_signer().root,))
    with pytest.raises(GatewayUnavailable):
        await certificates.key(address, now())
    account.paypal.faults.clear()
    await certificates.key(address, now())
    missing = f"{account.paypal.url}{CERTIFICATES_PATH}CERT-of-nobody"
    assert "no such certificate" in await refused(certificates, missing)


@pytest.mark.parametrize(
    ("later", "is_accepted"),
    [
        (timedelta(minutes=4), True),
        (timedelta(minutes=6), False),
        (-timedelta(days=3), True),
        (-timedelta(days=3, hours=2), False),
    ],
)
async def test_a_notification_may_be_as_old_as_paypal_repeats_it(
    later: timedelta, is_accepted: bool
) -> None:
    read, headers = reader(Host().certificates()).read, signed(EVENT, now() + later)
    if is_accepted:
        assert await read(EVENT, headers) == UnrelatedNotification("WH-1")
        return
    with pytest.raises(InvalidNotification) as error:
        await read(EVENT, headers)
    assert error.value.because is RefusedBecause.WRONG_TIME


@pytest.mark.parametrize(
    ("name", "value", "because"),
    [
        ("auth-algo", "", RefusedBecause.UNSIGNED),
        ("transmission-sig", "", RefusedBecause.UNSIGNED),
        ("auth-algo", "SHA1withRSA", RefusedBecause.WRONG_SIGNATURE),
        ("transmission-sig", "é", RefusedBecause.WRONG_SIGNATURE),
        ("transmission-sig", "AAAA", RefusedBecause.WRONG_SIGNATURE),
        ("transmission-time", "2026-11-26T12:00:00", RefusedBecause.WRONG_SIGNATURE),
        ("transmission-time", "yesterday", RefusedBecause.WRONG_SIGNATURE),
        ("transmission-id", "another", RefusedBecause.WRONG_SIGNATURE),
        ("transmission-id", "a|b", RefusedBecause.WRONG_SIGNATURE),
        ("cert-url", "https://attacker.example", RefusedBecause.WRONG_SIGNATURE),
    ],
)
async def test_a_refusal_says_why(name: str, value: str, because: RefusedBecause) -> None:
    headers = signed(EVENT, now()) | {f"paypal-{name}": value}
    with pytest.raises(InvalidNotification) as error:
        await reader(Host().certificates()).read(EVENT, headers)
    assert error.value.because is because
