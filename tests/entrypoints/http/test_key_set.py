"""Key sets as providers publish them: each usable key is used, each other one is skipped."""

import json
from itertools import count
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.http.key_set import MAX_CANDIDATES, MAX_KEYS, KeySet, parse_key_set
from tests.entrypoints.http.identity_provider import (
    EC_ENTRY,
    EC_KEY,
    RSA_ENTRY,
    RSA_KEY,
    key_set,
    public,
)

SMALL_RSA = rsa.generate_private_key(65537, 1024)
P384 = ec.generate_private_key(ec.SECP384R1())


def parse(*entries: Any) -> KeySet:
    return parse_key_set(key_set(*entries))


def ids(keys: KeySet, algorithm: str, key_id: str | None = None) -> list[str | None]:
    return [each.key_id for each in keys.find(key_id, algorithm)]


def without(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in names}


def test_keys_of_different_types_may_have_one_id() -> None:
    keys = parse({**RSA_ENTRY, "kid": "one"}, {**EC_ENTRY, "kid": "one"})
    assert ids(keys, "RS256", "one") == ids(keys, "ES256", "one") == ["one"]
    assert not keys.find("another", "RS256")


def test_keys_of_one_type_may_have_one_id_while_one_replaces_the_other() -> None:
    keys = parse(RSA_ENTRY, public(rsa.generate_private_key(65537, 2048), "RS256", "rsa"))
    assert ids(keys, "RS256", "rsa") == ["rsa", "rsa"]


def test_a_key_without_id_fits_every_token_and_a_token_without_id_every_key() -> None:
    keys = parse(without(RSA_ENTRY, "kid", "alg"), EC_ENTRY)
    assert ids(keys, "RS256", "any") == [None]
    assert ids(keys, "ES256") == ["ec"]
    assert keys.problems == ()


def test_a_null_member_is_an_absent_one() -> None:
    nulls = dict.fromkeys(("kid", "alg", "use", "key_ops", "crv"))
    assert ids(parse({**RSA_ENTRY, **nulls}), "RS256") == [None]


def test_few_keys_are_tried_for_one_token() -> None:
    keys = parse(*[without(RSA_ENTRY, "kid")] * (MAX_KEYS + 5))
    assert len(keys.keys) == MAX_KEYS
    assert len(keys.find("any", "RS256")) == MAX_CANDIDATES


ED25519: Any = json.loads(
    jwt.algorithms.OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key())
)


@pytest.mark.parametrize(
    "entry",
    [
        {**RSA_ENTRY, "use": "enc"},
        {**RSA_ENTRY, "key_ops": ["encrypt"]},
        {**RSA_ENTRY, "key_ops": []},
        public(RSA_KEY, "RS512", "x"),
        {**RSA_ENTRY, "alg": "RSA-OAEP"},
        {"kty": "oct", "kid": "x", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "AKP", "kid": "x", "alg": "ML-DSA-44", "pub": "c2VjcmV0"},
        without(public(P384, "ES384", "x"), "alg"),
        ED25519,
        {},
    ],
    ids=count(),
)
def test_a_key_for_something_else_is_skipped_in_silence(entry: dict[str, Any]) -> None:
    keys = parse({**entry, "kid": "x"}, EC_ENTRY)
    assert [each.key_id for each in keys.keys] == ["ec"]
    assert keys.problems == ()


@pytest.mark.parametrize(
    "entry",
    [
        *(7, "key", None, [], [RSA_ENTRY]),
        *({**RSA_ENTRY, name: 7} for name in ("kid", "alg", "kty", "use")),
        *({**RSA_ENTRY, name: ["RS256"]} for name in ("kid", "alg", "kty", "use")),
        {**RSA_ENTRY, "key_ops": "verify"},
        {**RSA_ENTRY, "alg": "ES256"},
        {**EC_ENTRY, "alg": "RS256"},
        {**public(P384, "ES384", "x"), "alg": "ES256"},
        {**EC_ENTRY, "crv": ["P-256"]},
        {**EC_ENTRY, "x": 7},
        {**EC_ENTRY, "x": EC_ENTRY["y"]},  # not a point of the curve
        without(RSA_ENTRY, "n"),
        {**RSA_ENTRY, "n": "*"},
        {**RSA_ENTRY, "e": "AA"},
        {**RSA_ENTRY, "n": "A" * 4},
        {**RSA_ENTRY, "n": "x" * 100_000},
        public(SMALL_RSA, "RS256", "x"),
    ],
    ids=count(),
)
def test_a_malformed_or_weak_key_is_skipped_and_named(entry: object) -> None:
    keys = parse(entry, EC_ENTRY)
    assert [each.key_id for each in keys.keys] == ["ec"]
    (problem,) = keys.problems
    assert problem.startswith("key 1 is not used: ")
    assert "\n" not in problem


def test_of_a_private_key_only_the_public_half_is_read() -> None:
    private = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY))
    (key,) = parse({**private, "alg": "RS256", "use": "sig", "key_ops": ["sign", "verify"]}).keys
    assert isinstance(key.public_key, rsa.RSAPublicKey)
    private_ec = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY))
    (key,) = parse(private_ec).keys
    assert isinstance(key.public_key, ec.EllipticCurvePublicKey)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3)
    ),
    max_leaves=6,
)
changed_keys = st.builds(
    lambda entry, change: {**entry, **change},
    st.sampled_from([RSA_ENTRY, EC_ENTRY]),
    st.dictionaries(st.sampled_from(sorted(RSA_ENTRY | EC_ENTRY)), json_values, max_size=3),
)


@given(st.lists(changed_keys | json_values, max_size=3))
def test_any_entries_beside_a_usable_key_leave_it_usable(entries: list[object]) -> None:
    content = json.dumps({"keys": [*entries, {**EC_ENTRY, "kid": "last"}]}).encode()
    assert "last" in ids(parse_key_set(content), "ES256", "last")


@given(st.binary() | json_values.map(lambda value: json.dumps({"keys": value}).encode()))
def test_any_document_is_read_or_refused_with_one_line(content: bytes) -> None:
    problem = ""
    try:
        parse_key_set(content)
    except ValueError as error:
        problem = str(error)
    assert "\n" not in problem
