"""Sign-in as providers do it: claims, rotated keys, clocks, and a line for each refusal."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from application.ports.unit_of_work import StorageUnavailable
from domain.identifiers import UserId
from entrypoints.http.errors import NotAuthorized
from entrypoints.http.sign_in_refusals import LINES, SECONDS, Refusal, RefusalLog, RefusalReason
from entrypoints.http.token_claims import ClaimRules
from tests.builders import NOW, ORDER, PAYER
from tests.entrypoints.http.identity_provider import Provider, key_set
from tests.entrypoints.http.test_auth import an_authenticator, user_of
from tests.entrypoints.http.world import JWT_KEY, Client, HttpWorld, a_token, in_session, sign_hs256

LIST = f"/api/payments?orderId={ORDER}"


async def status(client: Client, claims: Mapping[str, object], key: str = JWT_KEY) -> int:
    headers = {"cookie": f"session={in_session(sign_hs256(claims, key))}"}
    return (await client.get(LIST, headers=headers)).status_code


async def refusal(client: Client, **headers: str) -> str:
    """Return the one line that a refused request leaves for an operator."""
    with capture_logs() as lines:
        response = await client.get(LIST, headers=headers)
    assert response.status_code == 401
    (line,) = [line for line in lines if line["event"] == "sign-in refused"]
    return str(line["problem"])


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({"id": "7"}, "7"),
        ({"id": 7}, "7"),
        ({"id": 0}, "0"),
        ({"id": 2**64 - 1}, "18446744073709551615"),
        ({"id": -7}, "-7"),
        ({"sub": "auth0|7"}, "auth0|7"),
        ({"sub": 7}, "7"),
        ({"id": None, "sub": "7"}, "7"),
        ({"id": "7", "sub": "8"}, "7"),
    ],
    ids=str,
)
async def test_the_user_is_the_claim_id_or_else_sub(claims: dict[str, Any], user: str) -> None:
    assert await user_of(an_authenticator(), sign_hs256(claims, JWT_KEY)) == user


async def test_a_numeric_user_of_a_token_pays_for_the_order_of_that_user(
    world: HttpWorld, client: Client
) -> None:
    await world.create_order("order-7", user_id=UserId("7"))
    paid = await client.post(
        "/api/payments",
        json={"token": "tok_visa", "orderId": "order-7"},
        headers={"authorization": f"Bearer {sign_hs256({'id': 7}, JWT_KEY)}"},
    )
    assert paid.status_code == 201


async def test_the_configured_claim_is_the_only_one_that_counts() -> None:
    async with HttpWorld().client(jwt_user_claim="https://shop.example/user") as client:
        assert await status(client, {"https://shop.example/user": 7, "id": "8"}) == 200
        assert await status(client, {"id": "8", "sub": "8"}) == 401


async def test_old_and_new_keys_are_accepted_while_a_key_is_rotated(world: HttpWorld) -> None:
    for key, previous, expected in (
        ("new", "old", [200, 200, 401]),
        ("new", None, [200, 401, 401]),
    ):
        async with world.client(jwt_key=key, jwt_key_previous=previous) as client:
            statuses = [await status(client, {"id": "7"}, key) for key in ("new", "old", "older")]
            assert statuses == expected


@pytest.mark.parametrize("key", ["asdf\n", " asdf", "a\udcffb", "ä"])
async def test_the_bytes_of_the_key_are_what_signs(world: HttpWorld, key: str) -> None:
    signed = sign_hs256({"id": "7"}, key.encode(errors="surrogateescape"))
    async with world.client(jwt_key=key) as client:
        response = await client.get(LIST, headers={"authorization": f"Bearer {signed}"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"sub": "", "x": 1}, "the claim sub must be text of 1 to 255 characters"),
        (
            {"email": "a@b", "uid": 7, "\n": 1},
            "the token has the claims ?, email, uid, but not id or sub:"
            " set JWT_USER_CLAIM to the claim that names the user",
        ),
        ({"id": "7", "exp": NOW.timestamp() - 3}, "the token expired 3 s ago"),
        ({"id": "7", "nbf": NOW.timestamp() + 90}, "the token is valid in 90 s only"),
        ({"id": "7", "exp": "soon"}, "the claim exp is not a number of seconds"),
        ({"id": True}, "the claim id must be text or a whole number, not a boolean"),
    ],
    ids=str,
)
async def test_the_claim_that_is_refused_is_named_without_its_value(
    client: Client, claims: dict[str, object], problem: str
) -> None:
    bearer = f"Bearer {sign_hs256(claims, JWT_KEY)}"
    assert await refusal(client, authorization=bearer) == problem


async def test_every_other_check_that_fails_is_named(world: HttpWorld) -> None:
    wanted = {"jwt_audience": "shop", "jwt_issuer": "https://id.example", "jwt_user_claim": "uid"}
    rs256 = "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"
    tokens = {
        a_token(): "the token has no aud",
        a_token(aud="other"): "the token has another aud than JWT_AUDIENCE",
        a_token(aud="shop"): "the token has no iss",
        a_token(aud="shop", iss="x"): "the token has another iss than JWT_ISSUER",
        a_token(aud="shop", iss="https://id.example"): (
            "the token has the claims aud, email, iat, id, iss, but not uid:"
            " set JWT_USER_CLAIM to the claim that names the user"
        ),
        a_token(key="other"): "the token's signature is not one of JWT_KEY",
        rs256: "the token is signed with RS256, and JWKS_URL is not set",
        "eyJhbGciOiJub25lIn0.e30.": "the token's algorithm is none of HS256, RS256 and ES256",
        "eyJhbGciOlsiSFMyNTYiXX0.e30.": "the token's algorithm is none of HS256, RS256 and ES256",
        "e30.e30.": "the token's algorithm is none of HS256, RS256 and ES256",
        "a.b.c": "the token is malformed (DecodeError)",
        sign_hs256([], JWT_KEY): "the token's claims are not an object",
        "text": "the Authorization header has no signed JWT",
    }
    async with world.client(**wanted) as client:
        for token, problem in tokens.items():
            assert await refusal(client, authorization=f"Bearer {token}") == problem


async def test_a_key_that_the_provider_does_not_have_is_named() -> None:
    lines: list[str] = []
    authenticator = an_authenticator(jwks=Provider().jwks(), refusals=RefusalLog(lines.append))
    for token in ("eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AAAA", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"):
        with pytest.raises(NotAuthorized):
            await user_of(authenticator, token)
    assert lines == ["unknown_key", "signature"]


async def test_a_missing_or_unusable_cookie_is_named(client: Client) -> None:
    signed_out = base64.b64encode(b'{"jwt": null}').decode()
    cookies = {
        "": "there is no token in an Authorization header or session cookie",
        "session=*": "the cookie session is not cookie-session's base64 JSON",
        f"session={signed_out}": "the cookie session has no jwt: nobody signed in",
        f"express:sess={in_session('a')}": (
            "the jwt in the cookie express:sess is not a signed JWT"
        ),
        f"session={'A' * 20_000}": "the cookie session is too long",
    }
    for cookie, problem in cookies.items():
        assert await refusal(client, cookie=cookie) == problem


async def test_a_flood_of_refusals_is_counted_and_leaves_a_few_lines() -> None:
    counted: list[str] = []
    time = 0.0
    refusals = RefusalLog(counted.append, lambda: time)
    expired = Refusal(RefusalReason.EXPIRED, "the token expired 3 s ago")
    with capture_logs() as lines:
        for _ in range(1000):
            refusals.record(expired)
        refusals.record(Refusal(RefusalReason.NO_TOKEN, "none"))
        time = SECONDS
        refusals.record(expired)
    assert len(counted) == 1002
    assert len(lines) == LINES + 2
    assert lines[-1]["unlogged_before"] == 1000 - LINES


async def test_refusals_are_a_metric_by_their_reason(client: Client) -> None:
    await client.get(LIST)
    metrics = (await client.get("/metrics")).text
    assert 'payments_sign_ins_refused_total{reason="no_token"} 1.0' in metrics


async def test_a_token_of_a_provider_whose_clock_is_ahead_is_accepted() -> None:
    for seconds, expected in ((59, 200), (61, 401)):
        async with HttpWorld().client() as client:
            assert await status(client, {"id": "7", "nbf": NOW.timestamp() + seconds}) == expected


async def test_an_unknown_time_refuses_nobody_for_good() -> None:
    def unknown() -> Any:
        raise StorageUnavailable("the database's time is not known yet")

    authenticator = an_authenticator(clock=unknown)
    assert await user_of(authenticator, a_token()) == PAYER  # it never expires
    with pytest.raises(StorageUnavailable):
        await user_of(authenticator, a_token(exp=1))


# RFC 7515, appendices A.1 to A.3: the keys, and the tokens with this payload, as printed there.
PAYLOAD = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
EXPIRY = datetime.fromtimestamp(1_300_819_380, UTC)
SECRET = base64.urlsafe_b64decode(
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
)
RSA_JWK = {
    "kty": "RSA",
    "e": "AQAB",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt"
    "0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5"
    "z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aG"
    "hyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
}
EC_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
SIGNATURES = {
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "eyJhbGciOiJSUzI1NiJ9": (
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W"
        "2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS"
        "jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv"
        "Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    ),
    "eyJhbGciOiJFUzI1NiJ9": (
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    ),
}


@pytest.mark.parametrize("header", SIGNATURES)
async def test_the_examples_of_the_standard_are_verified(header: str) -> None:
    provider = Provider(key_set(RSA_JWK, EC_JWK))
    authenticator = an_authenticator(
        SECRET,
        clock=lambda: EXPIRY - timedelta(seconds=1),
        jwks=provider.jwks(),
        rules=ClaimRules(user_claim="iss"),
    )
    signature = SIGNATURES[header]
    assert await user_of(authenticator, f"{header}.{PAYLOAD}.{signature}") == "joe"
    for changed in ("A" + signature[1:], signature[:-4], signature + "AAAA", ""):
        with pytest.raises(NotAuthorized):
            await user_of(authenticator, f"{header}.{PAYLOAD}.{changed}")
    for other in SIGNATURES.keys() - {header}:
        with pytest.raises(NotAuthorized):
            await user_of(authenticator, f"{other}.{PAYLOAD}.{signature}")
