"""Fetching a key set: proxies, certificates, and the causes of failures in words."""

import ssl
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestServer
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from entrypoints.composition.key_sets import fetch_keys_from
from entrypoints.composition.operator import check_sign_in
from entrypoints.http.jwks import NoKeySet, fetch_key_set
from entrypoints.http.key_fetching import fetch_from
from entrypoints.monitoring.doctor import CheckResult
from tests.entrypoints.http.identity_provider import (
    EC_ENTRY,
    EC_KEY,
    RSA_ENTRY,
    Provider,
    key_set,
)
from tests.entrypoints.http.world import SETTINGS


@pytest.fixture
def provider() -> Provider:
    return Provider()


def self_signed_certificate() -> bytes:
    """Return a key and a certificate that nobody trusts."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, EC_KEY.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2126, 1, 1, tzinfo=UTC))
        .sign(EC_KEY, hashes.SHA256())
    )
    key = EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + certificate.public_bytes(Encoding.PEM)


async def problem_of(url: str) -> str:
    """Return why no keys can be fetched from this URL."""
    with pytest.raises(NoKeySet) as caught:
        await fetch_key_set(fetch_keys_from(url))
    return str(caught.value)


async def test_a_certificate_that_is_not_accepted_and_a_refused_connection_are_named() -> None:
    async with TestServer(web.Application()) as server:
        url = str(server.make_url("/keys"))
        assert "not trusted" not in await problem_of(url)
    assert "no connection is opened (" in await problem_of(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(self_signed_certificate())
        file.flush()
        context.load_cert_chain(file.name)
    tls = TestServer(web.Application(), scheme="https")
    await tls.start_server(ssl=context)
    try:
        problem = await problem_of(str(tls.make_url("/keys")))
    finally:
        await tls.close()
    assert "cannot be reached: the certificate of 127.0.0.1 is not trusted (" in problem
    assert "SSL_CERT_FILE" in problem


async def test_a_name_that_does_not_exist_is_named() -> None:
    # RFC 6761, section 6.4: no name below `invalid` exists.
    problem = await problem_of("https://user:hunter2@id.invalid/keys?hunter2")
    assert problem.startswith("the provider cannot be reached: ")
    assert "hunter2" not in problem


async def test_the_proxy_of_the_environment_is_used(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def proxy(request: web.BaseRequest) -> web.Response:
        asked.append(str(request.url))
        return web.Response(body=await provider.fetch())

    async with RawTestServer(proxy) as server:
        monkeypatch.setenv("HTTP_PROXY", str(server.make_url("")))
        monkeypatch.setenv("http_proxy", str(server.make_url("")))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        key_set = await fetch_key_set(fetch_keys_from("http://id.invalid/keys"))
    assert len(key_set.keys) == 2
    assert asked == ["http://id.invalid/keys"]


async def test_the_doctor_tells_whether_the_provider_has_usable_keys(provider: Provider) -> None:
    application = web.Application()
    application.router.add_get("/keys", provider.respond)
    async with TestServer(application) as server:
        settings = evolve(SETTINGS, jwks_url=str(server.make_url("/keys")))
        for document, ok, text in (
            (key_set(RSA_ENTRY, EC_ENTRY), True, "the identity provider has 2 usable keys"),
            (
                key_set(RSA_ENTRY, {**EC_ENTRY, "kid": ["ec"]}),
                True,
                "the identity provider has 1 usable keys; key 2 is not used: its kid is not text",
            ),
            (b"{}", False, 'JWKS_URL: the key set is not an object with a list "keys"'),
            (None, False, "JWKS_URL: the provider answers with HTTP status 500"),
        ):
            provider.document = document
            assert await check_sign_in(settings) == CheckResult("sign-in", ok, text)
    result = await check_sign_in(settings)
    assert not result.ok
    assert result.text.startswith("JWKS_URL: the provider cannot be reached: ")
    assert (await check_sign_in(SETTINGS)).ok


async def test_the_provider_is_reached_as_the_gateway_is(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[str | None] = []

    async def respond(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=await provider.fetch())

    (tmp_path / ".netrc").write_text("machine 10.1.2.3 login someone password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with RawTestServer(respond) as server:
        monkeypatch.setenv("ALL_PROXY", str(server.make_url("")))
        await fetch_key_set(fetch_keys_from("http://10.1.2.3/keys"))
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
        address = str(server.make_url("/keys"))
        await fetch_key_set(fetch_keys_from(address))
    assert seen == [None, None]
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent"))
    assert "SSL_CERT_FILE: cannot be used" in await problem_of("https://id.invalid/keys")


async def test_a_redirect_leads_to_a_host_that_is_reached_in_its_own_way(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def proxy(_: web.BaseRequest) -> web.Response:
        return web.Response(body=await provider.fetch())

    async def moved(_: web.BaseRequest) -> web.Response:
        return web.Response(status=308, headers={"Location": "http://id.invalid/keys"})

    async with RawTestServer(proxy) as behind, RawTestServer(moved) as near:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, str(behind.make_url("")))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        found = await fetch_key_set(fetch_keys_from(str(near.make_url("/keys"))))
    assert len(found.keys) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_an_address_without_encryption_is_not_followed(status: int) -> None:
    asked: list[str] = []

    async def plain(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        return web.Response()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(self_signed_certificate())
        file.flush()
        context.load_cert_chain(file.name)
    async with RawTestServer(plain) as target:

        async def redirect(_: web.BaseRequest) -> web.Response:
            return web.Response(status=status, headers={"Location": str(target.make_url("/keys"))})

        tls = RawTestServer(redirect, scheme="https")
        await tls.start_server(ssl=context)

        def open_session(_: str) -> aiohttp.ClientSession:
            return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False))

        try:
            with pytest.raises(NoKeySet, match="redirects to an address without encryption"):
                await fetch_key_set(fetch_from(str(tls.make_url("/")), open_session))
        finally:
            await tls.close()
    assert not asked
