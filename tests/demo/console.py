"""The operators' console of a running demo."""

import httpx

from tests.demo.demo_process import MAX_WAIT_SECONDS, DemoProcess


def console_shows(demo: DemoProcess, order: str) -> bool:
    """Sign in with the printed key; return whether the order and its every page are there."""
    address = demo.read_until("Operate it at").split()[-1]
    key = demo.read_until("Sign in there with the key").split()[-1]
    with httpx.Client(timeout=MAX_WAIT_SECONDS, trust_env=False) as client:
        client.post(f"{address}/sign-in", data={"key": key})
        pages = ("", "/payments", "/reviews", "/dead-letters", "/differences", "/health")
        codes = {client.get(address + each).status_code for each in pages}
        found = client.get(f"{address}/search", params={"q": order}, follow_redirects=True)
        return codes == {200} and found.is_success and "payment succeeded" in found.text
