"""HS256 is verified exactly as PyJWT verifies it."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWS
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidSignatureError, PyJWTError

from entrypoints.http.credentials import is_token
from entrypoints.http.hs256 import read_header, verified_payload
from tests.entrypoints.http.world import sign_hs256

KEY = "the key of the tests, of 32 bytes"
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "kid": st.sampled_from(["key", "", 7, None, ["key"]]),
        "crit": st.sampled_from([[], ["exp"], ["b64"], "b64", None, [7]]),
        "b64": st.booleans(),
        "typ": st.sampled_from(["JWT", "at+jwt", 1]),
        "alg": st.sampled_from(["HS256", "none", "HS512", "RS256", "", None, 7]),
    },
)


def by_pyjwt(token: str, key: str) -> bytes | type[Exception] | None:
    tokens = PyJWS()
    try:
        payload: bytes = tokens.decode(token, key, ["HS256"])
    except InvalidSignatureError:
        return None
    except PyJWTError:
        return PyJWTError
    return payload


def by_us(token: str, key: str) -> bytes | type[Exception] | None:
    try:
        if read_header(token.partition(".")[0]).get("alg") != "HS256":
            return PyJWTError
        return verified_payload(token, key.encode())
    except (PyJWTError, ValueError):
        return PyJWTError


def segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@given(HEADERS, st.dictionaries(st.text(), st.text(), max_size=2), st.data())
def test_every_token_and_every_change_of_one_is_judged_as_by_pyjwt(
    header: dict[str, object], claims: dict[str, str], data: st.DataObject
) -> None:
    signed = sign_hs256(claims, KEY)
    parts = signed.split(".")
    if header:
        parts[0] = segment(json.dumps({"alg": "HS256", **header}).encode())
        tokens = HMACAlgorithm(HMACAlgorithm.SHA256)
        parts[2] = segment(tokens.sign(".".join(parts[:2]).encode(), KEY.encode()))
    if data.draw(st.booleans(), "changed"):
        at = data.draw(st.integers(0, 2))
        where = data.draw(st.integers(0, max(len(parts[at]) - 1, 0)))
        other = data.draw(st.sampled_from(["", "A", "B", "_", "-", "9", "AA"]))
        parts[at] = parts[at][:where] + other + parts[at][where + 1 :]
    token = ".".join(parts)
    if not is_token(token):
        return

    expected, actual = by_pyjwt(token, KEY), by_us(token, KEY)
    # Whether a signature is wrong or no base64url is of no importance: both are refused.
    refused = (None, PyJWTError)
    assert actual == expected or (actual in refused and expected in refused)


@pytest.mark.parametrize("key", ["", "k", KEY[:-1], KEY + " ", "\0" + KEY])
def test_another_key_verifies_nothing(key: str) -> None:
    assert by_us(sign_hs256({"id": "user"}, KEY), key) == (None if key else PyJWTError)


def test_a_public_key_is_no_secret() -> None:
    body = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
    pem = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----"
    forged = sign_hs256({"id": "user"}, KEY)

    with pytest.raises(PyJWTError):
        verified_payload(forged, pem.encode())
