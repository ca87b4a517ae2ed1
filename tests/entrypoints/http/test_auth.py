"""Authentication of users: valid credentials are accepted, all others get 401."""

import base64
import hashlib
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from attrs import evolve

from entrypoints.http.auth import MAX_CACHED, Authenticator
from entrypoints.http.errors import NotAuthorized
from entrypoints.http.http_request import HeaderValues
from entrypoints.http.jwks import REFRESH_AFTER_SECONDS
from entrypoints.http.sign_in_refusals import RefusalLog
from tests.builders import NOW, PAYER
from tests.entrypoints.http.identity_provider import (
    EC_ENTRY,
    EC_KEY,
    Provider,
    key_set,
)
from tests.entrypoints.http.identity_provider import (
    token as provider_token,
)
from tests.entrypoints.http.world import (
    JWT_KEY,
    SETTINGS,
    Client,
    HttpWorld,
    a_token,
    in_session,
    sign_hs256,
)

LIST = "/api/payments?orderId=order-1"


async def status(client: Client, **headers: str) -> int:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    response = await client.get(LIST, headers=encoded)  # type: ignore[arg-type]
    if response.status_code == 401:
        assert response.json()["errors"] == [{"message": "Not authorized"}]
    return response.status_code


def encode(session: bytes) -> str:
    return base64.b64encode(session).decode()


# Its base64 has both characters that differ between the alphabets, and padding.
SESSION = json.dumps({"jwt": a_token(), "ÿ?>": "ÿÿ?>>~~~"}, ensure_ascii=False).encode()
URLSAFE = base64.urlsafe_b64encode(SESSION).decode()
assert encode(SESSION) != URLSAFE
assert URLSAFE.endswith("=")
EXPIRED, VALID = in_session(a_token(exp=1)), in_session(a_token())


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {a_token()}"},
        {"authorization": f"bearer  {a_token()}"},
        {"cookie": f"a=b; session={VALID}; c"},
        {"cookie": f"a=b; express:sess={VALID}; c"},
        {"cookie": f"session={encode(SESSION)}"},
        {"cookie": f"session={URLSAFE}"},
        {"cookie": f"session={URLSAFE.rstrip('=')}"},
        {"cookie": f'session="{encode(SESSION)}"'},
        {"cookie": f"session={EXPIRED}; express:sess={VALID}"},
        {"cookie": f"session={VALID}", "authorization": "Basic cnViYmlzaA=="},
        {"authorization": f"Bearer {a_token(exp=NOW.timestamp() + 3600, nbf=1.5)}"},
        {"authorization": f"Bearer {a_token(iat=int(NOW.timestamp()) + 30)}"},
        {"authorization": f"Bearer {a_token(sub=7, aud=['others'], iss=None, jti=[], email=7)}"},
    ],
    ids=range(13),
)
async def test_valid_credentials_are_accepted(client: Client, headers: dict[str, str]) -> None:
    assert await status(client, **headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        *(
            {"cookie": f"session={VALID}", "authorization": text}
            for text in ("Bearer invalid", "Bearer ", "Bearer")
        ),
        *({"cookie": text} for text in ("session", "session=", "session=*", "session=a")),
        *(
            {"cookie": f"session={encode(session)}"}
            for session in (b"\xff", b"null", b"[]", b"{}", b'{"jwt"', b"[" * 3000)
        ),
        *(
            {"cookie": f"session={in_session(token)}"}
            for token in (7, {"id": PAYER}, "ä.b.c", "a.b.c", "x" * 20_000)
        ),
        {"cookie": f"session={a_token()}"},
        {"cookie": f"other={VALID}"},
    ],
    ids=range(21),
)
async def test_a_request_without_a_valid_session_or_with_an_invalid_token_is_refused(
    client: Client, headers: dict[str, str]
) -> None:
    assert await status(client, **headers) == 401


async def test_two_authorization_headers_are_refused_whatever_they_say(client: Client) -> None:
    two = [("authorization", f"Bearer {a_token()}"), ("cookie", f"session={VALID}")]
    assert (await client.get(LIST, headers=two)).status_code == 200
    for other in (f"Bearer {a_token()}", "Basic cnViYmlzaA==", ""):
        reply = await client.get(LIST, headers=[*two, ("authorization", other)])
        assert reply.status_code == 401


def unsigned(claims: object, algorithm: str = "none") -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    return ".".join(part.rstrip("=") for part in encoded) + "."


INVALID_IDS: list[object] = [
    *(None, True, 7.0, 1e300, 2**64, 10**22, "", [], {}, "x" * 256, "a\0", "\ud800")
]


@pytest.mark.parametrize(
    "token",
    [
        a_token(key="another key"),
        a_token()[:-2],
        a_token() + "A",
        *(unsigned({"id": PAYER}, algorithm) for algorithm in ("none", "None", "HS256", "")),
        jwt.encode({"id": PAYER}, JWT_KEY * 20, "HS512"),
        *(a_token(exp=exp) for exp in (1, "soon", True, None, float("nan"), 10**400)),
        *(a_token(nbf=nbf) for nbf in (4_000_000_000, "now")),
        *(sign_hs256({"id": user_id}, JWT_KEY) for user_id in INVALID_IDS),
        sign_hs256({}, JWT_KEY),
        sign_hs256({"id": PAYER}, JWT_KEY, crit=["exp"]),
        *(f"{a_token()}{junk}" for junk in ("=", "*", " x", "ä")),  # decoders skip them
        "a.b",
        "....",
        "x" * 10_000,
        "",
    ],
    ids=lambda token: hashlib.sha256(token.encode()).hexdigest()[:8],
)
async def test_an_invalid_token_is_refused(client: Client, token: str) -> None:
    assert await status(client, cookie=f"session={in_session(token)}") == 401
    assert await status(client, authorization=f"Bearer {token}") == 401


def an_authenticator(key: bytes = JWT_KEY.encode(), **changes: Any) -> Authenticator:
    refusals = RefusalLog(lambda reason: None)
    return Authenticator([key], **{"clock": lambda: NOW, "refusals": refusals, **changes})


async def user_of(authenticator: Authenticator, token: str) -> str:
    return await user_with(authenticator, authorization=f"Bearer {token}")


async def user_with(authenticator: Authenticator, **headers: str) -> str:
    fields = HeaderValues((name.encode(), value.encode()) for name, value in headers.items())
    request: Any = SimpleNamespace(fields=fields)
    return (await authenticator.authenticate(request)).id


async def test_a_cached_token_is_refused_after_its_expiry() -> None:
    now = NOW
    authenticator = an_authenticator(clock=lambda: now)
    token = a_token(exp=NOW.timestamp() + 10)

    assert await user_of(authenticator, token) == PAYER
    now = NOW + timedelta(seconds=9)
    assert await user_of(authenticator, token) == PAYER
    now = NOW + timedelta(seconds=10)
    with pytest.raises(NotAuthorized):
        await user_of(authenticator, token)


async def test_a_cached_token_is_verified_again_after_the_providers_keys_have_changed() -> None:
    provider = Provider()
    authenticator = an_authenticator(jwks=provider.jwks())
    withdrawn, other = provider_token(kid="rsa"), provider_token(EC_KEY, "ES256", kid="ec")
    assert await user_of(authenticator, withdrawn) == PAYER

    provider.document = key_set(EC_ENTRY)
    provider.time += REFRESH_AFTER_SECONDS + 1
    assert await user_of(authenticator, withdrawn) == PAYER  # nothing is fetched for it
    assert await user_of(authenticator, other) == PAYER
    with pytest.raises(NotAuthorized):
        await user_of(authenticator, withdrawn)


async def test_cached_tokens_are_distinguished_and_their_number_is_limited() -> None:
    authenticator = an_authenticator()
    users = [f"user-{number}" for number in range(MAX_CACHED + 10)]

    for user in [*users, *users[-2:]]:
        assert await user_of(authenticator, a_token(user)) == user

    assert len(authenticator._cache) == MAX_CACHED


async def test_what_is_cached_for_a_bearer_token_is_not_valid_as_a_cookie_nor_the_reverse() -> None:
    authenticator = an_authenticator()
    token = a_token()
    assert await user_with(authenticator, authorization=f"Bearer {token}") == PAYER
    assert await user_with(authenticator, cookie=f"session={in_session(token)}") == PAYER

    for headers in (
        {"cookie": f"session={token}"},
        {"cookie": f"express:sess={token}"},
        {"authorization": f"Bearer {in_session(token)}"},
        {"authorization": f"Bearer session {in_session(token)}"},
        {"cookie": f"session=None {token}"},
    ):
        with pytest.raises(NotAuthorized):
            await user_with(authenticator, **headers)


async def test_a_repr_does_not_contain_the_key() -> None:
    authenticator = an_authenticator(b"the-secret-key")
    await user_of(authenticator, a_token(key="the-secret-key"))

    assert "the-secret-key" not in repr(authenticator)
    assert "the-secret-key" not in repr(evolve(SETTINGS, jwt_key="the-secret-key"))


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, 401),
        ({"aud": "shop"}, 401),
        ({"iss": "https://id.example"}, 401),
        ({"aud": "another", "iss": "https://id.example"}, 401),
        ({"aud": ["another"], "iss": "https://id.example"}, 401),
        ({"aud": {"shop": 1}, "iss": "https://id.example"}, 401),
        ({"aud": "shop", "iss": "https://other.example"}, 401),
        ({"aud": "shop", "iss": "https://id.example"}, 200),
        ({"aud": ["another", "shop"], "iss": "https://id.example"}, 200),
    ],
)
async def test_a_token_must_have_the_configured_audience_and_issuer(
    claims: dict[str, Any], expected: int
) -> None:
    audience_and_issuer = {"jwt_audience": "shop", "jwt_issuer": "https://id.example"}
    async with HttpWorld().client(**audience_and_issuer) as client:
        assert await status(client, authorization=f"Bearer {a_token(**claims)}") == expected
