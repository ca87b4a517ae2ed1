"""Which users' tokens are accepted."""

from attrs import field, frozen

from entrypoints.settings import parsers
from entrypoints.settings.variable import declare


def _parse_hmac_key(value: str) -> str:
    """Accept any bytes but a public or private key, with which no HS256 token is signed."""
    if value.lstrip().startswith(("-----BEGIN ", "ssh-", "ecdsa-")):
        raise ValueError(
            "is not an HS256 secret: an identity provider's keys are set with JWKS_URL"
        )
    return value


@frozen(kw_only=True, slots=False)
class TokenSettings:
    """Which users' tokens are accepted."""

    jwt_key: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "JWT_KEY",
            _parse_hmac_key,
            "HS256 secret that signs users' tokens, used byte for byte",
            default="required unless `JWKS_URL`",
            is_secret=True,
            keeps_spaces=True,
        ),
    )
    jwt_key_previous: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "JWT_KEY_PREVIOUS",
            _parse_hmac_key,
            "the previous secret, accepted as well while `JWT_KEY` is rotated",
            is_secret=True,
            keeps_spaces=True,
        ),
    )
    jwks_url: str | None = field(
        default=None,
        metadata=declare("JWKS_URL", parsers.web_url, "RS256/ES256 keys of an identity provider"),
    )
    jwt_audience: str | None = field(
        default=None,
        metadata=declare(
            "JWT_AUDIENCE",
            parsers.text,
            "the required `aud` of a token; set it if the provider serves other applications, too",
            default="any",
        ),
    )
    jwt_issuer: str | None = field(
        default=None,
        metadata=declare(
            "JWT_ISSUER", parsers.text, "the required `iss` of a token", default="any"
        ),
    )
    jwt_user_claim: str | None = field(
        default=None,
        metadata=declare(
            "JWT_USER_CLAIM",
            parsers.text,
            "the claim that names the user; a whole number is its decimal text",
            default="`id`, else `sub`",
        ),
    )
