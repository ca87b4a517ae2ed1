"""Oddities: what can be used as it is, but was probably meant otherwise."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Final

from entrypoints.settings import VARIABLES, Settings
from entrypoints.settings.environment import FILE
from entrypoints.settings.exporters import find_odd_exporters
from entrypoints.settings.mistakes import find_mistake

# 16 random characters of base64 have 96 bits, which nobody guesses. RFC 7518, section 3.2, asks for
# 256 bits, but deployments of the reference service have short secrets.
MIN_SECRET_CHARACTERS: Final = 16

# 16 random hexadecimal digits have fewer different ones once in 30,000 times.
MIN_DIFFERENT_CHARACTERS: Final = 6

# Long ones that are copied from examples, such as jwt.io's; short ones are reported anyway.
_WELL_KNOWN: Final = frozenset(
    {
        "a-string-secret-at-least-256-bits-long",
        "your-256-bit-secret",
        "your-256-bit-secret-here",
        "your-super-secret-jwt-token-with-at-least-32-characters-long",
        "super-secret-jwt-key",
        "this-is-a-secret-key",
    }
)

# One wrong, missing or additional character in a name of eight has a similarity of at least 0.87.
_SIMILARITY: Final = 0.87

# Shorter names are similar to others by chance, such as HOST and PORT.
_MIN_NAME: Final = 6

# What other software calls the same.
_OTHER_NAMES: Final = {
    "JWT_SECRET": "JWT_KEY",
    "STRIPE_API_KEY": "STRIPE_KEY",
    "STRIPE_SECRET_KEY": "STRIPE_KEY",
}


def find_oddities(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """Return one line for each oddity; it begins with the variable's name and shows no value."""
    return [
        *_odd_keys(settings),
        *find_unread_names(environment),
        *find_odd_exporters(settings, environment),
    ]


def _odd_keys(settings: Settings) -> Iterator[str]:
    keys = {"JWT_KEY": settings.jwt_key, "JWT_KEY_PREVIOUS": settings.jwt_key_previous}
    operators = {"OPERATOR_KEY": settings.operator_key} | {
        f"OPERATORS: {each.name}": each.key for each in settings.named_operators
    }
    for name, key in keys.items():
        if key is not None and key != key.strip():
            yield f"{name}: has white space around it, which is used as part of the secret"
        if key is not None and (mistake := find_mistake(key)):
            yield f"{name}: {mistake}, and this is used as the secret"
    for name, key in (keys | operators).items():
        if key is not None and is_guessable(key):
            yield f"{name}: can be guessed: use a random secret, such as of `openssl rand -hex 32`"
    if settings.stripe_key is not None and not settings.stripe_key.startswith(("sk_", "rk_")):
        yield "STRIPE_KEY: does not begin with sk_ or rk_, as Stripe's secret keys do"


def is_guessable(secret: str) -> bool:
    """Whether the secret is short, made of few characters, one text repeated, or well-known."""
    text = secret.strip()
    return (
        len(text) < MIN_SECRET_CHARACTERS
        or len(set(text)) < MIN_DIFFERENT_CHARACTERS
        or text in (text + text)[1:-1]  # only a repeated text is found in its own rotation
        or text.lower().replace("_", "-").replace(" ", "-") in _WELL_KNOWN
    )


def find_unread_names(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield one line for each name that is probably a misspelt one of ours."""
    files = {name + FILE for name, (_, variable) in VARIABLES.items() if variable.is_secret}
    known = VARIABLES.keys() | files
    unset = [
        name
        for name in known
        if len(name) >= _MIN_NAME and not _is_set(environment, name.removesuffix(FILE))
    ]
    for name in sorted(environment.keys() - known):
        if name.removesuffix(FILE) in VARIABLES:
            yield f"{name}: is not read, because {name.removesuffix(FILE)} is no secret"
        elif meant := _meant(name, unset):
            yield f"{name}: is not read; is {meant} meant?"


def _is_set(environment: Mapping[str, str], name: str) -> bool:
    return any(environment.get(each, "").strip() for each in (name, name + FILE))


def _meant(name: str, unset: list[str]) -> str | None:
    other = _OTHER_NAMES.get(name)
    if other in unset:
        return other
    similar = difflib.get_close_matches(name.upper().replace("-", "_"), unset, 1, _SIMILARITY)
    return similar[0] if similar and len(name) >= _MIN_NAME else None
