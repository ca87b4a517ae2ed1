"""The keys of an identity provider are cached, fetched again in time, and expire."""

import asyncio

import pytest

from entrypoints.http.errors import KeysUnavailable
from entrypoints.http.jwks import (
    EXPIRE_AFTER_SECONDS,
    FETCH_INTERVAL_SECONDS,
    MAX_FETCH_INTERVAL_SECONDS,
    REFRESH_AFTER_SECONDS,
)
from tests.entrypoints.http.identity_provider import (
    EC_ENTRY,
    EC_KEY,
    RSA_ENTRY,
    Provider,
    key_set,
    public,
)


@pytest.fixture
def provider() -> Provider:
    return Provider()


async def test_a_new_key_is_fetched_when_a_token_names_it(provider: Provider) -> None:
    jwks = provider.jwks()
    assert not await jwks.keys("new", "ES256")
    provider.document = key_set(public(EC_KEY, "ES256", "new"))

    assert not await jwks.keys("new", "ES256")  # the last fetch was too recent
    provider.time += FETCH_INTERVAL_SECONDS
    assert await jwks.keys("new", "ES256")
    assert provider.requests == 2


async def test_any_number_of_unknown_keys_at_once_is_one_fetch(provider: Provider) -> None:
    jwks = provider.jwks()
    found = await asyncio.gather(*(jwks.keys(f"unknown-{n}", "RS256") for n in range(100)))
    assert not any(found)
    assert provider.requests == 1


async def test_a_withdrawn_key_is_refused_after_the_next_refresh(provider: Provider) -> None:
    jwks = provider.jwks()
    assert await jwks.keys("rsa", "RS256")
    provider.document = key_set(EC_ENTRY)

    provider.time += REFRESH_AFTER_SECONDS + 1
    assert not await jwks.keys("rsa", "RS256")


@pytest.mark.parametrize("document", [None, b"[" * 50_000, b"{}", b'{"keys": []}'])
async def test_the_last_usable_keys_hold_while_the_provider_has_none(
    provider: Provider, document: bytes | None
) -> None:
    jwks = provider.jwks()
    await jwks.keys("rsa", "RS256")
    provider.document = document

    provider.time += REFRESH_AFTER_SECONDS + 1
    assert await jwks.keys("rsa", "RS256")
    with pytest.raises(KeysUnavailable):  # it may be a new one
        await jwks.keys("unknown", "RS256")
    provider.time += EXPIRE_AFTER_SECONDS
    with pytest.raises(KeysUnavailable):
        await jwks.keys("rsa", "RS256")
    assert len(provider.problems) == provider.requests - 1


async def test_a_known_key_does_not_wait_for_a_provider_that_hangs(provider: Provider) -> None:
    jwks = provider.jwks()
    await jwks.keys("rsa", "RS256")
    provider.document = None
    provider.time += REFRESH_AFTER_SECONDS + 1
    await jwks.keys("rsa", "RS256")  # waits for the first attempt that fails

    provider.hangs = True
    provider.time += MAX_FETCH_INTERVAL_SECONDS
    assert await jwks.keys("rsa", "RS256")
    assert await jwks.keys("ec", "ES256")
    await asyncio.sleep(0)
    assert provider.requests == 3


async def test_the_pauses_between_attempts_grow_and_end_with_a_success(provider: Provider) -> None:
    jwks = provider.jwks()
    provider.document = None
    for pause in (10, 20, 40, 60, 60):
        with pytest.raises(KeysUnavailable):
            await jwks.keys("rsa", "RS256")
        requests = provider.requests
        provider.time += pause - 1
        with pytest.raises(KeysUnavailable):
            await jwks.keys("rsa", "RS256")
        assert provider.requests == requests
        provider.time += 1
    provider.document = key_set(RSA_ENTRY)
    assert await jwks.keys("rsa", "RS256")
    provider.time += FETCH_INTERVAL_SECONDS
    assert not await jwks.keys("new", "RS256")
    assert provider.requests == 7
