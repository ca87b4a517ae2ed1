"""An identity provider of the tests: its keys, its key set and its tokens."""

import asyncio
import json
from typing import Any

import aiohttp
import jwt
from aiohttp import web
from attrs import define, field
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from entrypoints.http.jwks import (
    Jwks,
)
from tests.builders import PAYER

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
