"""Read the key set of an identity provider (RFC 7517); a key that is not usable is skipped."""

from typing import Any, Final

import msgspec
from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ALGORITHMS: Final = frozenset({"RS256", "ES256"})
"""The documented algorithms. A key is used with its own algorithm only, not with the token's."""

# The type of key of each algorithm (RFC 7518, sections 3.3 and 3.4), and what of it is public.
_TYPES: Final = {"RS256": "RSA", "ES256": "EC"}
_MEMBERS: Final = {"RS256": ("kty", "n", "e"), "ES256": ("kty", "crv", "x", "y")}

# RFC 7518, section 3.3, requires 2,048 bits. To verify takes longer with more; 4,096 are usual.
_RSA_BITS: Final = range(2048, 8192 + 1)

MAX_KEYS: Final = 100
"""A provider publishes two or three keys: the one in use, the next and the last."""

MAX_CANDIDATES: Final = 8
"""How many keys a token is verified with at most; several fit only if ids are missing or equal."""

PublicKey = RSAPublicKey | EllipticCurvePublicKey


@frozen
class VerificationKey:
    """A key that verifies tokens of one algorithm."""

    key_id: str | None
    algorithm: str
    public_key: PublicKey = field(repr=False)


@frozen
class KeySet:
    """The usable keys of a provider."""

    keys: tuple[VerificationKey, ...] = ()
    problems: tuple[str, ...] = ()
    """What is wrong with the keys that cannot be used, one line each."""

    def find(self, key_id: str | None, algorithm: str) -> tuple[VerificationKey, ...]:
        """Return the keys that a token of this algorithm may be verified with.

        Keys of different types may have one id (RFC 7517, section 4.5). A missing id of a token or
        of a key fits everything: only the signature decides.
        """
        fitting = (
            key
            for key in self.keys
            if key.algorithm == algorithm
            and (key_id is None or key.key_id is None or key.key_id == key_id)
        )
        return tuple(fitting)[:MAX_CANDIDATES]


def parse_key_set(content: bytes) -> KeySet:
    """Return the usable keys of a document; a key that is not usable is skipped.

    Raises:
        ValueError: there is no usable key; the text is one line.
    """
    try:
        document = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the key set is not JSON: {type(error).__name__}") from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError('the key set is not an object with a list "keys"')  # noqa: TRY004
    keys: list[VerificationKey] = []
    problems: list[str] = []
    for number, entry in enumerate(entries[:MAX_KEYS], start=1):
        try:
            key = _parse_key(entry)
        except _Unusable as error:
            problems.append(f"key {number} is not used: {error}")
        else:
            keys += [key] if key else []
    if not keys:
        reasons = f": {problems[0]}" if problems else ""
        raise ValueError(f"the key set has no key for RS256 or ES256{reasons}")
    return KeySet(tuple(keys), tuple(problems))


class _Unusable(Exception):
    """A key is malformed or too weak; the text is the problem."""


def _parse_key(entry: object) -> VerificationKey | None:
    """Return the key of an entry; None if it is for something else than our algorithms."""
    if not isinstance(entry, dict):
        raise _Unusable("it is not an object")
    entry = {name: value for name, value in entry.items() if value is not None}
    for name in ("kty", "kid", "alg", "use", "crv"):
        if not isinstance(entry.get(name, ""), str):
            raise _Unusable(f"its {name} is not text")
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list):
        raise _Unusable("its key_ops is not a list")
    algorithm = _algorithm(entry)
    is_for_signatures = entry.get("use", "sig") == "sig" and "verify" in operations
    if algorithm is None or not is_for_signatures:
        return None
    return VerificationKey(entry.get("kid"), algorithm, _public_key(entry, algorithm))


def _algorithm(entry: dict[str, Any]) -> str | None:
    """Return the algorithm of a key, which an absent `alg` leaves to its type."""
    key_type = entry.get("kty")
    by_type = {"RSA": "RS256", "EC": "ES256" if entry.get("crv") == "P-256" else None}
    algorithm = entry.get("alg") or by_type.get(str(key_type))
    if algorithm not in ALGORITHMS:
        return None
    if key_type != _TYPES[algorithm]:
        raise _Unusable(f"its kty does not fit its alg {algorithm}")
    return str(algorithm)


def _public_key(entry: dict[str, Any], algorithm: str) -> PublicKey:
    # Of a private key that is published by mistake, only the public half is read.
    public = {name: entry.get(name) for name in _MEMBERS[algorithm]}
    try:
        if algorithm == "RS256":
            key: object = RSAAlgorithm.from_jwk(public)
        elif entry.get("crv") == "P-256":
            key = ECAlgorithm.from_jwk(public)
        else:
            raise _Unusable("its curve does not fit its alg ES256")
    except _Unusable:
        raise
    except Exception as error:  # the library raises many types for members of wrong types
        raise _Unusable(f"it is malformed ({type(error).__name__})") from None
    if isinstance(key, EllipticCurvePublicKey):
        return key
    if not isinstance(key, RSAPublicKey) or key.key_size not in _RSA_BITS:
        raise _Unusable(f"its size is not {_RSA_BITS.start} to {_RSA_BITS.stop - 1} bits")
    return key
