"""Compose the way to an identity provider's keys, without aiohttp until they are fetched."""

from entrypoints.http.jwks import Fetch


def fetch_keys_from(url: str) -> Fetch:
    """Return a function that fetches a key set, by the way on which gateways are reached."""
    from adapters.gateways.outward import Route
    from entrypoints.http.key_fetching import fetch_from  # it imports aiohttp: 0.1 s, 8 MB

    return fetch_from(url, lambda address: Route.to(address).open_plain_session())
