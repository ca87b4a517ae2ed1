"""Tokens of an identity provider: its keys are fetched, cached and expire."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from attrs import define, field
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from entrypoints.http.errors import KeysUnavailable
from entrypoints.http.jwks import (
    EXPIRE_AFTER_SECONDS,
    FETCH_INTERVAL_SECONDS,
    MAX_BYTES,
    REFRESH_AFTER_SECONDS,
    Jwks,
)
from tests.builders import PAYER
from tests.entrypoints.http.world import Client, HttpWorld, a_token, sign_hs256

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


def token(key: PrivateKeyTypes = RSA_KEY, algorithm: str = "RS256", **header: object) -> str:
    return jwt.encode({"id": PAYER}, key, algorithm, headers=header)  # type: ignore[arg-type]


@define
class Provider:
    """An identity provider with a clock; without a document it is unreachable."""

    document: bytes | None = field(factory=lambda: key_set(RSA_ENTRY, EC_ENTRY))
    requests: int = 0
    time: float = 1_000.0

    async def fetch(self) -> bytes:
        self.requests += 1
        if self.document is None:
            raise aiohttp.ClientConnectionError
        return self.document

    async def respond(self, _request: web.Request) -> web.Response:
        """Serve the document over HTTP."""
        return web.Response(body=await self.fetch())  # or 500, if that raises

    def jwks(self) -> Jwks:
        """Return the provider's keys as a service sees them."""
        return Jwks(self.fetch, lambda: self.time)


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
        assert await status(client, a_token()) == 200

    assert provider.requests == 1


async def test_a_token_of_another_key_is_refused(client: Client) -> None:
    other_key = rsa.generate_private_key(65537, 2048)

    assert await status(client, token(other_key, kid="rsa")) == 401
    assert await status(client, token(EC_KEY, "ES256", kid="rsa")) == 401
    assert await status(client, token(kid="ec")) == 401
    assert await status(client, token(RSA_KEY, "RS512", kid="rsa")) == 401
    assert await status(client, token(kid="unknown")) == 401
    assert await status(client, token()) == 401


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
        b'{"keys": [7, {}]}',
        b" " * MAX_BYTES + b"{}",
    ],
    ids=lambda document: repr(document and document[:20]),
)
async def test_an_unavailable_or_invalid_key_set_gets_503_for_the_providers_tokens_only(
    client: Client, provider: Provider, document: bytes | None
) -> None:
    provider.document = document

    assert await status(client, token(kid="rsa")) == 503
    assert await status(client, a_token()) == 200
    assert await status(client, "invalid") == 401


async def test_a_new_key_is_fetched_when_a_token_names_it(provider: Provider) -> None:
    jwks = provider.jwks()
    assert await jwks.key("new") is None
    provider.document = key_set(public(EC_KEY, "ES256", "new"))

    assert await jwks.key("new") is None  # the last fetch was too recent
    provider.time += FETCH_INTERVAL_SECONDS
    assert await jwks.key("new") is not None
    assert provider.requests == 2


async def test_a_withdrawn_key_is_refused_after_the_next_refresh(provider: Provider) -> None:
    jwks = provider.jwks()
    assert await jwks.key("rsa") is not None
    provider.document = key_set(EC_ENTRY)

    provider.time += REFRESH_AFTER_SECONDS + 1
    assert await jwks.key("rsa") is None


async def test_the_last_keys_are_valid_for_a_while_when_the_provider_is_unreachable(
    provider: Provider,
) -> None:
    jwks = provider.jwks()
    await jwks.key("rsa")
    provider.document = None

    provider.time += REFRESH_AFTER_SECONDS + 1
    assert await jwks.key("rsa") is not None
    provider.time += EXPIRE_AFTER_SECONDS
    with pytest.raises(KeysUnavailable):
        await jwks.key("rsa")


async def test_a_key_for_encryption_or_of_another_algorithm_is_not_used(provider: Provider) -> None:
    secret = {"kty": "oct", "kid": "c", "k": "c2VjcmV0", "alg": "HS256"}
    provider.document = key_set(
        public(RSA_KEY, "RS256", "a", use="enc"), public(RSA_KEY, "RS512", "b"), RSA_ENTRY, secret
    )
    jwks = provider.jwks()

    assert [await jwks.key(each) for each in ("a", "b", "c")] == [None, None, None]
    only = await jwks.key("rsa")
    assert only is not None
    assert await jwks.key(None) is only  # for a token without a key id
