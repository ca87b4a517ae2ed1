"""Tokens of an identity provider: its keys are fetched, kept, and never trusted too long."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import jwt
import pytest
from aiohttp import web
from attrs import define, field
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from entrypoints.http.errors import KeysUnavailable
from entrypoints.http.jwks import BETWEEN_SECONDS, FRESH_SECONDS, MAX_BYTES, STALE_SECONDS, Jwks
from tests.builders import PAYER
from tests.entrypoints.http.world import JWT_KEY, World, a_token, unsafe_hs256

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
LIST = "/api/payments?orderId=order-1"


def public(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, algorithm: str, key_id: str, **more: object
) -> dict[str, Any]:
    """A provider's entry for a key."""
    signing: Any = jwt.PyJWS().get_algorithm_by_name(algorithm)
    entry = json.loads(signing.to_jwk(key.public_key()))
    return {**entry, "kid": key_id, "alg": algorithm, **more}


KEYS = [public(RSA_KEY, "RS256", "rsa"), public(EC_KEY, "ES256", "ec")]


def token(key: PrivateKeyTypes = RSA_KEY, algorithm: str = "RS256", **header: object) -> str:
    """A token of the provider's."""
    return jwt.encode({"id": PAYER}, key, algorithm, headers=header)  # type: ignore[arg-type]


@define
class Provider:
    """An identity provider; its document can be anything, or nothing."""

    document: bytes | None = field(factory=lambda: json.dumps({"keys": KEYS}).encode())
    asked: int = 0

    async def fetch(self) -> bytes:
        """Give the document out."""
        self.asked += 1
        if self.document is None:
            raise aiohttp.ClientConnectionError
        return self.document

    async def answer(self, _request: web.Request) -> web.Response:
        """The same over HTTP."""
        try:
            return web.Response(body=await self.fetch())
        except aiohttp.ClientConnectionError:
            return web.Response(status=500)


@pytest.fixture
def provider() -> Provider:
    """One with an RSA and an EC key."""
    return Provider()


@pytest.fixture
async def client(world: World, provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that takes the provider's tokens, over real HTTP, and HS256 as well."""
    application = web.Application()
    application.router.add_get("/keys", provider.answer)
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        async with world.client(jwks_url=f"http://{host}:{port}/keys") as client:
            yield client
    finally:
        await runner.cleanup()


async def status(client: httpx.AsyncClient, bearer: str) -> int:
    """How somebody with this token is answered."""
    answer = await client.get(LIST, headers={"authorization": f"Bearer {bearer}"})
    return answer.status_code


async def test_both_kinds_of_keys_sign_in(client: httpx.AsyncClient) -> None:
    assert await status(client, token(kid="rsa")) == 200
    assert await status(client, token(EC_KEY, "ES256", kid="ec")) == 200
    assert await status(client, a_token()) == 200


async def test_the_keys_are_fetched_once_for_many_tokens(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    for _ in range(3):
        await status(client, token(kid="rsa"))
    await status(client, token(EC_KEY, "ES256", kid="ec"))

    assert provider.asked == 1


async def test_a_token_of_another_key_is_refused(client: httpx.AsyncClient) -> None:
    stranger = rsa.generate_private_key(65537, 2048)

    assert await status(client, token(stranger, kid="rsa")) == 401
    assert await status(client, token(EC_KEY, "ES256", kid="rsa")) == 401
    assert await status(client, token(kid="ec")) == 401
    assert await status(client, token(RSA_KEY, "RS512", kid="rsa")) == 401
    assert await status(client, token(kid="unknown")) == 401
    assert await status(client, token()) == 401


async def test_a_public_key_is_no_secret_to_sign_with(client: httpx.AsyncClient) -> None:
    signed = unsafe_hs256({"id": PAYER}, "any", kid="rsa").rpartition(".")[0].encode()
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for published in (json.dumps(KEYS[0]).encode(), pem):
        signature = base64.urlsafe_b64encode(hmac.digest(published, signed, "sha256"))
        forged = b".".join((signed, signature.rstrip(b"="))).decode()

        assert await status(client, forged) == 401


async def test_the_seeds_tokens_are_refused_where_only_a_provider_signs(
    world: World, provider: Provider
) -> None:
    async with world.client(jwt_key=None, jwks_url="http://127.0.0.1:9/keys") as client:
        assert await status(client, a_token()) == 401
        assert await status(client, unsafe_hs256({"id": PAYER}, JWT_KEY)) == 401


async def test_a_provider_that_is_away_is_no_reason_to_sign_anybody_out(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    provider.document = None

    answer = await client.get(LIST, headers={"authorization": f"Bearer {token(kid='rsa')}"})

    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert await status(client, a_token()) == 200
    assert await status(client, "rubbish") == 401


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"keys": 7}',
        b'{"keys": []}',
        b'{"keys": [7, {}]}',
        b" " * MAX_BYTES + b"{}",
    ],
    ids=lambda document: repr(document[:20]),
)
async def test_a_provider_that_talks_nonsense_counts_as_away(
    client: httpx.AsyncClient, provider: Provider, document: bytes
) -> None:
    provider.document = document

    assert await status(client, token(kid="rsa")) == 503


@define
class Hours:
    """A clock that is moved by hand."""

    time: float = 1_000.0

    def __call__(self) -> float:
        return self.time


async def test_a_new_key_is_fetched_when_a_token_names_it(provider: Provider) -> None:
    now = Hours()
    jwks = Jwks(provider.fetch, now)
    assert await jwks.key("new") is None
    provider.document = json.dumps({"keys": [public(EC_KEY, "ES256", "new")]}).encode()

    assert await jwks.key("new") is None  # asked a moment ago
    now.time += BETWEEN_SECONDS
    assert await jwks.key("new") is not None
    assert provider.asked == 2


async def test_a_withdrawn_key_is_forgotten(provider: Provider) -> None:
    now = Hours()
    jwks = Jwks(provider.fetch, now)
    assert await jwks.key("rsa") is not None
    provider.document = json.dumps({"keys": [KEYS[1]]}).encode()

    now.time += FRESH_SECONDS + 1
    assert await jwks.key("rsa") is None


async def test_the_last_keys_hold_for_a_while_when_the_provider_is_away(provider: Provider) -> None:
    now = Hours()
    jwks = Jwks(provider.fetch, now)
    await jwks.key("rsa")
    provider.document = None

    now.time += FRESH_SECONDS + 1
    assert await jwks.key("rsa") is not None
    now.time += STALE_SECONDS
    with pytest.raises(KeysUnavailable):
        await jwks.key("rsa")


async def test_a_token_without_a_key_id_is_checked_with_the_only_key(provider: Provider) -> None:
    provider.document = json.dumps({"keys": [KEYS[0]]}).encode()

    assert await Jwks(provider.fetch).key(None) is not None


async def test_a_key_that_is_not_for_signing_or_of_another_algorithm_is_not_used(
    provider: Provider,
) -> None:
    keys = [public(RSA_KEY, "RS256", "a", use="enc"), public(RSA_KEY, "RS512", "b"), KEYS[0]]
    secret = {"kty": "oct", "kid": "c", "k": "c2VjcmV0", "alg": "HS256"}
    provider.document = json.dumps({"keys": [*keys, secret]}).encode()
    jwks = Jwks(provider.fetch)

    assert [await jwks.key(each) for each in ("a", "b", "c")] == [None, None, None]
    assert await jwks.key("rsa") is not None
