"""Tokens of an identity provider: its keys are fetched, cached and expire."""

import asyncio
import base64
import contextlib
import hmac
import json
import ssl
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestServer
from attrs import define, evolve, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from entrypoints.composition.operator import check_sign_in
from entrypoints.http.errors import KeysUnavailable
from entrypoints.http.jwks import (
    EXPIRE_AFTER_SECONDS,
    FETCH_INTERVAL_SECONDS,
    MAX_BYTES,
    MAX_FETCH_INTERVAL_SECONDS,
    REFRESH_AFTER_SECONDS,
    Jwks,
    NoKeySet,
    fetch_from,
    fetch_key_set,
)
from entrypoints.monitoring.doctor import CheckResult
from tests.builders import PAYER
from tests.entrypoints.http.world import SETTINGS, Client, HttpWorld, a_token, sign_hs256

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
LIST = "/api/payments?orderId=order-1"


def public(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, algorithm: str, key_id: str, **more: object
) -> dict[str, Any]:
    """Return the provider's entry for a key."""
    signing: Any = jwt.PyJWS().get_algorithm_by_name(algorithm)
    entry = json.loads(signing.to_jwk(key.public_key()))
    return {**entry, "kid": key_id, "alg": algorithm, **more}


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


RSA_ENTRY, EC_ENTRY = public(RSA_KEY, "RS256", "rsa"), public(EC_KEY, "ES256", "ec")


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


def token(key: PrivateKeyTypes = RSA_KEY, algorithm: str = "RS256", **header: object) -> str:
    return jwt.encode({"id": PAYER}, key, algorithm, headers=header)  # type: ignore[arg-type]


@define
class Provider:
    """An identity provider with a clock; without a document it is unreachable."""

    document: bytes | None = field(factory=lambda: key_set(RSA_ENTRY, EC_ENTRY))
    requests: int = 0
    time: float = 1_000.0
    hangs: bool = False
    problems: list[str] = field(factory=list)
    """What an operator was told."""

    async def fetch(self) -> bytes:
        self.requests += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.document is None:
            raise aiohttp.ClientConnectionError
        return self.document

    async def respond(self, _request: web.Request) -> web.Response:
        """Serve the document over HTTP."""
        return web.Response(body=await self.fetch())  # or 500, if that raises

    def jwks(self) -> Jwks:
        """Return the provider's keys as a service sees them."""
        return Jwks(self.fetch, lambda: self.time, self._report)

    async def _report(self, problem: str) -> None:
        self.problems.append(problem)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def client(world: HttpWorld, provider: Provider) -> AsyncIterator[Client]:
    """A client of a service that accepts HS256 and the provider's tokens, fetched over HTTP."""
    application = web.Application()
    application.router.add_get("/keys", provider.respond)
    async with (
        TestServer(application) as server,
        world.client(jwks_url=str(server.make_url("/keys"))) as client,
    ):
        yield client


async def status(client: Client, bearer: str) -> int:
    response = await client.get(LIST, headers={"authorization": f"Bearer {bearer}"})
    if response.status_code == 503:
        assert "retry-after" in response.headers
    return response.status_code


async def test_both_kinds_of_keys_are_accepted_and_fetched_once(
    client: Client, provider: Provider
) -> None:
    for _ in range(3):
        assert await status(client, token(kid="rsa")) == 200
        assert await status(client, token(EC_KEY, "ES256", kid="ec")) == 200
        assert await status(client, token()) == 200  # without a key id
        assert await status(client, a_token()) == 200

    assert provider.requests == 1


async def test_a_token_of_another_key_is_refused(client: Client) -> None:
    other_key = rsa.generate_private_key(65537, 2048)

    assert await status(client, token(other_key, kid="rsa")) == 401
    assert await status(client, token(EC_KEY, "ES256", kid="rsa")) == 401
    assert await status(client, token(kid="ec")) == 401
    assert await status(client, token(RSA_KEY, "RS512", kid="rsa")) == 401
    assert await status(client, token(kid="unknown")) == 401
    assert await status(client, token(other_key)) == 401


async def test_a_public_key_is_not_accepted_as_an_hmac_secret(client: Client) -> None:
    signed = sign_hs256({"id": PAYER}, "any", kid="rsa").rpartition(".")[0].encode()
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for published in (json.dumps(RSA_ENTRY).encode(), pem):
        signature = base64.urlsafe_b64encode(hmac.digest(published, signed, "sha256"))
        forged = b".".join((signed, signature.rstrip(b"="))).decode()

        assert await status(client, forged) == 401


async def test_an_hs256_token_is_refused_without_a_jwt_key(world: HttpWorld) -> None:
    async with world.client(jwt_key=None, jwks_url="http://127.0.0.1:9/keys") as client:
        assert await status(client, a_token()) == 401


@pytest.mark.parametrize(
    "document",
    [
        None,
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"keys": 7}',
        b'{"keys": []}',
        b'{"keys": [7, {}, []]}',
        b'{"keys":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        key_set({**RSA_ENTRY, "kid": ["rsa"]}),
        key_set({**RSA_ENTRY, "alg": ["RS256"]}),
        b"\xff",
        b" " * MAX_BYTES + b"{}",
    ],
    ids=count(),
)
async def test_an_unavailable_or_invalid_key_set_gets_503_for_the_providers_tokens_only(
    client: Client, provider: Provider, document: bytes | None
) -> None:
    provider.document = document

    assert await status(client, token(kid="rsa")) == 503
    assert await status(client, a_token()) == 200
    assert await status(client, "invalid") == 401


async def test_a_provider_that_answers_oddly_is_not_an_error_of_the_service(
    world: HttpWorld, provider: Provider
) -> None:
    """The document is read whatever its content type is; other statuses are not read."""
    served = provider.document or b""

    async def status_500(_request: web.Request) -> web.Response:
        return web.Response(status=500, body=served)

    async def redirect(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/text")

    async def redirect_for_ever(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/loop")

    async def text(_request: web.Request) -> web.Response:
        return web.Response(body=served, content_type="text/html")

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b" " * 65_536)
        return response

    expected = {"/500": 503, "/redirect": 200, "/loop": 503, "/text": 200, "/endless": 503}
    handlers = status_500, redirect, redirect_for_ever, text, endless
    application = web.Application()
    for path, handler in zip(expected, handlers, strict=True):
        application.router.add_get(path, handler)
    async with TestServer(application) as server:
        for path, reply in expected.items():
            async with world.client(jwks_url=str(server.make_url(path))) as client:
                assert await status(client, token(kid="rsa")) == reply, path
    problems = {alert.text for alert in await world.alerts.list_current()}
    assert len(problems) == 1  # one line for JWKS_URL


async def problem_of(url: str) -> str:
    """Return why no keys can be fetched from this URL."""
    with pytest.raises(NoKeySet) as caught:
        await fetch_key_set(fetch_from(url))
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
        key_set = await fetch_key_set(fetch_from("http://id.invalid/keys"))
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


async def test_a_new_key_is_fetched_when_a_token_names_it(provider: Provider) -> None:
    jwks = provider.jwks()
    assert not await jwks.keys("new", "ES256")
    provider.document = key_set(public(EC_KEY, "ES256", "new"))

    assert not await jwks.keys("new", "ES256")  # the last fetch was too recent
    provider.time += FETCH_INTERVAL_SECONDS
    assert await jwks.keys("new", "ES256")
    assert provider.requests == 2


async def test_any_number_of_unknown_keys_at_once_is_one_fetch(provider: Provider) -> None:
    jwks = provider.jwks()
    found = await asyncio.gather(*(jwks.keys(f"unknown-{n}", "RS256") for n in range(100)))
    assert not any(found)
    assert provider.requests == 1


async def test_a_withdrawn_key_is_refused_after_the_next_refresh(provider: Provider) -> None:
    jwks = provider.jwks()
    assert await jwks.keys("rsa", "RS256")
    provider.document = key_set(EC_ENTRY)

    provider.time += REFRESH_AFTER_SECONDS + 1
    assert not await jwks.keys("rsa", "RS256")


@pytest.mark.parametrize("document", [None, b"[" * 50_000, b"{}", b'{"keys": []}'])
async def test_the_last_usable_keys_hold_while_the_provider_has_none(
    provider: Provider, document: bytes | None
) -> None:
    jwks = provider.jwks()
    await jwks.keys("rsa", "RS256")
    provider.document = document

    provider.time += REFRESH_AFTER_SECONDS + 1
    assert await jwks.keys("rsa", "RS256")
    with pytest.raises(KeysUnavailable):  # it may be a new one
        await jwks.keys("unknown", "RS256")
    provider.time += EXPIRE_AFTER_SECONDS
    with pytest.raises(KeysUnavailable):
        await jwks.keys("rsa", "RS256")
    assert len(provider.problems) == provider.requests - 1


async def test_a_known_key_does_not_wait_for_a_provider_that_hangs(provider: Provider) -> None:
    jwks = provider.jwks()
    await jwks.keys("rsa", "RS256")
    provider.document = None
    provider.time += REFRESH_AFTER_SECONDS + 1
    await jwks.keys("rsa", "RS256")  # waits for the first attempt that fails

    provider.hangs = True
    provider.time += MAX_FETCH_INTERVAL_SECONDS
    assert await jwks.keys("rsa", "RS256")
    assert await jwks.keys("ec", "ES256")
    await asyncio.sleep(0)
    assert provider.requests == 3


async def test_the_pauses_between_attempts_grow_and_end_with_a_success(provider: Provider) -> None:
    jwks = provider.jwks()
    provider.document = None
    for pause in (10, 20, 40, 60, 60):
        with pytest.raises(KeysUnavailable):
            await jwks.keys("rsa", "RS256")
        requests = provider.requests
        provider.time += pause - 1
        with pytest.raises(KeysUnavailable):
            await jwks.keys("rsa", "RS256")
        assert provider.requests == requests
        provider.time += 1
    provider.document = key_set(RSA_ENTRY)
    assert await jwks.keys("rsa", "RS256")
    provider.time += FETCH_INTERVAL_SECONDS
    assert not await jwks.keys("new", "RS256")
    assert provider.requests == 7
