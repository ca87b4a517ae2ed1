"""Stripe is reached through proxies and with private authorities, and each fault is named."""

import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters.gateways.outward import CA_VARIABLES, Route, _proxy_for, _usual
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.payment_intents import StripePaymentIntents
from application.ports.gateway_plugin import InvalidSetting
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.outcome import Charged
from payments_kit.doubles.stripe import running_stripe_double
from tests.adapters.gateways.middlebox import HOST, Authority, Proxy, listening, relay
from tests.builders import a_payment

VARIABLES = [
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def behind_a_proxy(
    authority: Authority, host: str = HOST, days: int = 1, credentials: str | None = None
) -> AsyncIterator[Proxy]:
    """Start the double behind TLS, and a proxy that alone leads to it."""
    context = authority.context(host, days)
    async with (
        running_stripe_double() as stripe,
        listening(partial(relay, port=int(stripe.url.rpartition(":")[2])), ssl=context) as port,
    ):
        proxy = Proxy(port, credentials)
        async with listening(proxy.handle) as proxy.port:
            yield proxy


@asynccontextmanager
async def a_gateway(address: str = f"https://{HOST}") -> AsyncIterator[StripePaymentIntents]:
    api = StripeApi("sk_test_outward", address)
    try:
        yield StripePaymentIntents(api)
    finally:
        await api.close()


async def problem() -> str:
    """Return what the doctor says, after checking that a charge is surely not sent."""
    async with a_gateway() as gateway:
        with pytest.raises(GatewayUnavailable):
            await gateway.charge(a_payment(), CardToken("pm_card_visa"))
        with pytest.raises(OutcomeUnknown) as error:
            await gateway.check()
    return str(error.value)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("credentials", [None, "user:p%40ss"])
async def test_a_proxy_and_a_private_authority_are_used(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str, credentials: str | None
) -> None:
    decoded = credentials.replace("%40", "@") if credentials else None
    async with behind_a_proxy(authority, credentials=decoded) as proxy:
        user = f"{credentials}@" if credentials else ""
        monkeypatch.setenv("HTTPS_PROXY", f"http://{user}127.0.0.1:{proxy.port}")
        monkeypatch.setenv(variable, str(authority.file))
        async with a_gateway() as gateway:
            outcome = await gateway.charge(a_payment(), CardToken("pm_card_visa"))
            assert "p%40ss" not in f"{gateway!r}"

    assert isinstance(outcome, Charged)
    assert set(proxy.asked) == {f"{HOST}:443"}


async def test_a_private_authority_is_used_without_a_proxy(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with behind_a_proxy(authority, host="127.0.0.1") as proxy:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # not for this machine itself
        async with a_gateway(f"https://127.0.0.1:{proxy.target}") as gateway:
            await gateway.check()
    assert not proxy.asked


@pytest.mark.parametrize(
    ("host", "days", "words"),
    [
        (HOST, 1, "self-signed certificate in certificate chain"),
        ("other.test", 1, "certificate is not valid for"),
        (HOST, -1, "certificate has expired"),
    ],
)
async def test_a_certificate_that_is_not_trusted_is_named_with_its_host_and_what_to_do(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, host: str, days: int, words: str
) -> None:
    async with behind_a_proxy(authority, host, days) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        if host != HOST or days < 0:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        else:
            words = "certificate"  # OpenSSL's words differ between its versions
        text = await problem()

    assert f"the certificate of {HOST} is not trusted" in text
    assert words in text
    assert "SSL_CERT_FILE" in text


async def test_a_proxy_that_refuses_or_cannot_be_reached_is_named_without_its_password(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with behind_a_proxy(authority, credentials="user:right") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:wrong@127.0.0.1:{proxy.port}")
        unauthorized = await problem()
        proxy.credentials, proxy.status = None, 403
        forbidden = await problem()
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:wrong@127.0.0.1:{proxy.port}")
    away = await problem()

    assert "the proxy wants a user and a password (407)" in unauthorized
    assert "the proxy refuses the connection (403)" in forbidden
    assert f"the proxy 127.0.0.1:{proxy.port} of HTTPS_PROXY cannot be reached" in away
    assert "wrong" not in unauthorized + forbidden + away


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "http://proxy:3128"),
        ({"ALL_PROXY": "https://proxy"}, "https://proxy"),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        *(
            ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": no_proxy}, direct)
            for no_proxy, direct in (
                ("*", None),
                ("api.stripe.com", None),
                ("a.example, .stripe.com", None),
                ("*.stripe.com", None),
                ("STRIPE.com:443", None),
                ("localhost api.stripe.com", None),
                ("localhost\tother.test, .stripe.com", None),
                ("api.stripe.com.", None),
                ("api.stripe.com:8443", "http://proxy:3128"),
                (".", "http://proxy:3128"),
                ("", "http://proxy:3128"),
                (",", "http://proxy:3128"),
                ("tripe.com,api.stripe.com.example,com.stripe", "http://proxy:3128"),
            )
        ),
    ],
)
def test_the_proxy_is_chosen_as_by_other_programs(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _proxy_for(urlsplit("https://api.stripe.com")) == expected


@pytest.mark.parametrize(
    ("host", "no_proxy", "is_direct"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("[2001:db8::1]", "2001:db8::/32", True),
        ("10.1.2.3", "localhost 10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3:8443", True),
        ("10.1.2.3", "10.1.2.3:443", False),
        ("[2001:db8::1]", "[2001:db8::1]:8443", True),
        ("[2001:db8::1]", "[2001:db8::1]", True),
        ("[2001:db8::1]", "[2001:db8::1]:443", False),
        ("11.1.2.3", "10.0.0.0/8,example", False),
        *(("127.0.0.1", "", True), ("[::1]", "", True), ("localhost", "", True)),
    ],
)
def test_networks_and_this_machine_need_no_proxy(
    monkeypatch: pytest.MonkeyPatch, host: str, no_proxy: str, is_direct: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (_proxy_for(urlsplit(f"https://{host}:8443")) is None) == is_direct


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "socks5://proxy:1080"),
        ("ALL_PROXY", "http://"),
        ("SSL_CERT_FILE", "/nowhere/authority.pem"),
        ("REQUESTS_CA_BUNDLE", __file__),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=name):
        StripeApi("sk_test_outward")


def test_without_a_variable_the_usual_authorities_are_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trusted = Route.to(f"https://{HOST}", str(authority.file)).trusted
    assert authority.file.read_bytes()
    assert trusted.cert_store_stats()["x509_ca"] >= 1


def authorities_of(route: Route) -> list[bytes]:
    """Return the authorities that a file has named."""
    return route.trusted.get_ca_certs(binary_form=True)


def trusted_by(authority: Authority) -> list[bytes]:
    return [ssl.PEM_cert_to_DER_cert(authority.file.read_text())]


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_an_empty_variable_is_as_one_that_is_not_set(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    usual = Route.to(f"https://{HOST}", str(authority.file)).trusted
    monkeypatch.setenv(variable, "")
    assert Route.to(f"https://{HOST}", str(authority.file)).trusted is usual

    following = next(each for each in CA_VARIABLES if each != variable)
    monkeypatch.setenv(following, str(authority.file))
    assert authorities_of(Route.to(f"https://{HOST}")) == trusted_by(authority)


def test_the_system_s_authorities_are_trusted_although_openssl_s_variables_are_empty(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, folder = str(authority.file), str(authority.file.parent)
    of_system = ssl.get_default_verify_paths()._replace(openssl_cafile=file, openssl_capath=folder)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: of_system)
    load, loaded = ssl.SSLContext.load_verify_locations, list[str | None]()

    def noted(it: ssl.SSLContext, cafile: str | None = None, capath: str | None = None) -> None:
        loaded.append(cafile or capath)
        load(it, cafile, capath)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noted)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, "")
    context = _usual.__wrapped__(None)
    assert context.get_ca_certs(binary_form=True) == trusted_by(authority)
    assert loaded == [file, folder]  # OpenSSL reads a folder when it needs it


def test_authorities_that_are_named_replace_the_usual_ones(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(authority.file.parent))
    of_folder = Route.to(f"https://{HOST}").trusted
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    of_file = Route.to(f"https://{HOST}").trusted
    # OpenSSL reads a folder when it needs it.
    assert [each.cert_store_stats()["x509_ca"] for each in (of_folder, of_file)] == [0, 1]
    # Many authorities of inspecting proxies are not as Python 3.13 wants them.
    assert not (of_folder.verify_flags | of_file.verify_flags) & ssl.VERIFY_X509_STRICT


def test_authorities_that_are_replaced_in_their_file_are_trusted_without_a_restart(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    before = authorities_of(Route.to(f"https://{HOST}"))
    Authority(tmp_path)  # writes the same file
    os.utime(authority.file, ns=(0, 0))
    after = authorities_of(Route.to(f"https://{HOST}"))

    assert after == trusted_by(authority)
    assert after != before
