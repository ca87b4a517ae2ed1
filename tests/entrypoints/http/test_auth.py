"""Who is asking: what is accepted as a user, and that everything else is answered 401."""

import base64
import hashlib
import json
import time

import httpx
import jwt
import pytest
from attrs import evolve

from entrypoints.http.auth import MAX_REMEMBERED, Authenticator
from entrypoints.http.errors import NotAuthorized
from tests.builders import PAYER, STRANGER
from tests.entrypoints.http.world import (
    JWT_KEY,
    SETTINGS,
    World,
    a_token,
    in_session,
    signed_in,
    unsafe_hs256,
)

LIST = "/api/payments?orderId=order-1"


async def status(client: httpx.AsyncClient, **headers: str) -> int:
    """How somebody with these headers is answered."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await client.get(LIST, headers=named)
    if answer.status_code == 401:
        assert answer.json()["errors"] == [{"message": "Not authorized"}]
    return answer.status_code


async def test_a_bearer_token_signs_in(client: httpx.AsyncClient) -> None:
    assert await status(client, authorization=f"Bearer {a_token()}") == 200
    assert await status(client, authorization=f"bearer  {a_token()}") == 200


@pytest.mark.parametrize("name", ["session", "express:sess"])
async def test_either_cookie_signs_in_among_others(client: httpx.AsyncClient, name: str) -> None:
    assert await status(client, cookie=f"a=b; {name}={in_session(a_token())}; c") == 200


async def test_a_cookie_may_have_either_base64_alphabet_and_need_no_padding(
    client: httpx.AsyncClient,
) -> None:
    session = json.dumps({"jwt": a_token(), "ÿ?>": "ÿÿ?>>~~~"}, ensure_ascii=False).encode()
    standard = base64.b64encode(session).decode()
    urlsafe = base64.urlsafe_b64encode(session).decode()

    assert standard != urlsafe
    for value in (standard, urlsafe, standard.rstrip("="), f'"{standard}"'):
        assert await status(client, cookie=f"session={value}") == 200


async def test_an_old_cookie_does_not_stand_in_the_way_of_a_good_one(
    client: httpx.AsyncClient,
) -> None:
    old, good = in_session(a_token(exp=1)), in_session(a_token())

    assert await status(client, cookie=f"session={old}; express:sess={good}") == 200


async def test_a_bearer_token_is_what_counts_beside_a_cookie(client: httpx.AsyncClient) -> None:
    good = signed_in()["cookie"]

    assert await status(client, cookie=good, authorization="Bearer rubbish") == 401
    assert await status(client, cookie=good, authorization="Basic cnViYmlzaA==") == 200


async def test_nobody_in_particular_is_refused(client: httpx.AsyncClient) -> None:
    assert await status(client) == 401


@pytest.mark.parametrize(
    "cookie",
    [
        "session",
        "session=",
        "session=*",
        "session=a",
        "session=" + base64.b64encode(b"\xff").decode(),
        "session=" + base64.b64encode(b"null").decode(),
        "session=" + base64.b64encode(b"[]").decode(),
        "session=" + base64.b64encode(b"{}").decode(),
        "session=" + base64.b64encode(b'{"jwt"').decode(),
        "session=" + base64.b64encode(b"[" * 3000).decode(),
        "session=" + in_session(7),
        "session=" + in_session({"id": PAYER}),
        "session=" + in_session("ä.b.c"),
        "session=" + in_session("a.b.c"),
        "session=" + in_session("x" * 20_000),
        f"session={a_token()}",
        f"other={in_session('')}",
    ],
    ids=lambda cookie: repr(cookie[:40]) + str(len(cookie)),
)
async def test_a_cookie_that_is_no_session_is_refused(
    client: httpx.AsyncClient, cookie: str
) -> None:
    assert await status(client, cookie=cookie) == 401


def unsigned(claims: object, algorithm: str = "none") -> str:
    """A token that anybody can make."""
    runtime = ({"alg": algorithm, "typ": "JWT"}, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in runtime)
    return ".".join(part.rstrip("=") for part in encoded) + "."


BAD_IDS: tuple[object, ...] = (None, 7, "", [], "x" * 256, "a\0")


@pytest.mark.parametrize(
    "token",
    [
        a_token(key="another key"),
        a_token()[:-2],
        a_token() + "A",
        unsigned({"id": PAYER}),
        unsigned({"id": PAYER}, "None"),
        unsigned({"id": PAYER}, "HS256"),
        unsigned({"id": PAYER}, ""),
        jwt.encode({"id": PAYER}, JWT_KEY * 20, "HS512"),
        a_token(exp=1),
        a_token(exp="soon"),
        a_token(exp=True),
        a_token(exp=None),
        a_token(exp=float("nan")),
        a_token(exp=10**400),
        a_token(nbf=4_000_000_000),
        a_token(nbf="now"),
        *(unsafe_hs256({"id": bad}, JWT_KEY) for bad in BAD_IDS),
        unsafe_hs256({"id": "\ud800"}, JWT_KEY),
        unsafe_hs256({}, JWT_KEY),
        unsafe_hs256({"id": PAYER}, JWT_KEY, crit=["exp"]),
        "a.b",
        "....",
        "x" * 10_000,
        "",
    ],
    ids=lambda token: hashlib.sha256(token.encode()).hexdigest()[:8],
)
async def test_a_token_that_does_not_hold_is_refused(client: httpx.AsyncClient, token: str) -> None:
    assert await status(client, cookie=f"session={in_session(token)}") == 401
    assert await status(client, authorization=f"Bearer {token}") == 401


async def test_a_token_holds_until_it_expires(client: httpx.AsyncClient) -> None:
    later = time.time() + 3600

    assert await status(client, authorization=f"Bearer {a_token(exp=later, nbf=1.5)}") == 200


async def test_a_token_from_a_clock_ahead_of_ours_holds(client: httpx.AsyncClient) -> None:
    token = a_token(iat=int(time.time()) + 30)

    assert await status(client, authorization=f"Bearer {token}") == 200


async def test_what_else_a_token_says_does_not_matter(client: httpx.AsyncClient) -> None:
    token = a_token(sub=7, aud=["others"], iss=None, jti=[], email=7)

    assert await status(client, authorization=f"Bearer {token}") == 200


class Asking:
    """A request with a bearer token, and nothing else."""

    def __init__(self, token: str) -> None:
        self.headers = httpx.Headers({"authorization": f"Bearer {token}"})


async def who(authenticator: Authenticator, token: str) -> str:
    """Whom an authenticator takes somebody for."""
    user = await authenticator.user(Asking(token))  # type: ignore[arg-type]  # only headers are read
    return user.id


async def test_a_token_that_is_remembered_is_not_remembered_beyond_its_end() -> None:
    now = 1_000.0
    authenticator = Authenticator(JWT_KEY, now=lambda: now)
    token = a_token(exp=1_010)

    assert await who(authenticator, token) == PAYER
    now = 1_009.0
    assert await who(authenticator, token) == PAYER
    now = 1_010.0
    with pytest.raises(NotAuthorized):
        await who(authenticator, token)


async def test_tokens_of_two_users_are_told_apart_when_remembered() -> None:
    authenticator = Authenticator(JWT_KEY)

    for _ in range(2):
        assert await who(authenticator, a_token(PAYER)) == PAYER
        assert await who(authenticator, a_token(STRANGER)) == STRANGER


async def test_only_so_many_tokens_are_remembered() -> None:
    authenticator = Authenticator(JWT_KEY)

    for number in range(MAX_REMEMBERED + 10):
        await who(authenticator, a_token(f"user-{number}"))

    assert len(authenticator._remembered) == MAX_REMEMBERED


async def test_no_key_is_told_by_a_repr(world: World) -> None:
    authenticator = Authenticator("the-secret-key")
    await who(authenticator, a_token(key="the-secret-key"))

    assert "the-secret-key" not in repr(authenticator)
    assert "the-secret-key" not in repr(world.dependencies().settings)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, 401),
        ({"aud": "shop"}, 401),
        ({"iss": "https://id.example"}, 401),
        ({"aud": "another", "iss": "https://id.example"}, 401),
        ({"aud": ["another"], "iss": "https://id.example"}, 401),
        ({"aud": {"shop": 1}, "iss": "https://id.example"}, 401),
        ({"aud": "shop", "iss": "https://elsewhere.example"}, 401),
        ({"aud": "shop", "iss": "https://id.example"}, 200),
        ({"aud": ["another", "shop"], "iss": "https://id.example"}, 200),
    ],
)
async def test_a_token_must_be_meant_for_us_where_that_matters(
    claims: dict[str, object], expected: int
) -> None:
    settings = evolve(SETTINGS, jwt_audience="shop", jwt_issuer="https://id.example")
    async with World(settings).client() as client:
        assert (
            await status(client, authorization=f"Bearer {a_token(PAYER, JWT_KEY, **claims)}")
            == expected
        )
