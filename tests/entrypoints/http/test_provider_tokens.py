"""Tokens of an identity provider, whose keys are fetched over HTTP."""

import base64
import contextlib
import hmac
import json
from collections.abc import AsyncIterator
from itertools import count

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

from entrypoints.http.key_fetching import (
    MAX_BYTES,
)
from tests.builders import PAYER
from tests.entrypoints.http.identity_provider import (
    EC_KEY,
    LIST,
    RSA_ENTRY,
    RSA_KEY,
    Provider,
    key_set,
    token,
)
from tests.entrypoints.http.world import Client, HttpWorld, a_token, sign_hs256


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
