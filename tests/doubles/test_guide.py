"""The guide to the doubles is correct: its commands run, and it has all control routes."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import get_args

import pytest

from entrypoints.settings import read_settings
from payments_kit.doubles.faults import Kind
from payments_kit.doubles.paypal.routes_control import CONTROL as PAYPAL_CONTROL
from payments_kit.doubles.stripe.routes_control import CONTROL as STRIPE_CONTROL
from tests.doubles.curl import curl

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "doubles.md").read_text()
OMITTED = "…"
EXPORT = re.compile(r"(\w+)=(\S+)")
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
OTHER_SETTINGS = {"DATABASE_URL": "postgresql://db/shop", "NATS_URL": "nats", "JWT_KEY": "k" * 32}
SHOP = "http://localhost:3000"


def commands(part: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a part of the guide, and what each prints."""
    text = GUIDE.partition(f"\n## {part}\n")[2].partition("\n## ")[0]
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        for shown in block.removeprefix("$ ").split("\n$ "):
            command, _, output = shown.partition("\n")
            yield command, output.strip()


def check(shown: str, printed: str) -> None:
    """Find the shown parts in the printed text, in order."""
    place = 0
    for part in shown.split(OMITTED):
        assert part.strip() in printed[place:], f"{part.strip()!r} is not there:\n{printed}"
        place = printed.index(part.strip(), place) + len(part.strip())


@contextmanager
def shop() -> Iterator[tuple[str, list[str]]]:
    """Serve a shop that receives webhooks; yield its address, and the signatures of them."""
    signatures: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            names = ("Stripe-Signature", "PAYPAL-TRANSMISSION-SIG")
            signatures.extend(each for name in names if (each := self.headers.get(name)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", signatures
        server.shutdown()


@pytest.mark.parametrize("name", ["Stripe", "PayPal"])
def test_its_commands_print_what_it_shows(name: str) -> None:
    [(start, announced), *requests] = commands(name)
    with shop() as (address, signatures):
        arguments = start.replace(SHOP, address).split()[1:]
        with subprocess.Popen(
            [sys.executable, "-m", "entrypoints.cli", *arguments, "--port", "0"],
            cwd=ROOT,
            env={},
            stdout=subprocess.PIPE,
            text=True,
        ) as double:
            assert double.stdout is not None
            printed = "".join(double.stdout.readline() for _ in range(4))
            [variables] = [line for line in printed.splitlines() if "export" in line]
            exported = dict(EXPORT.findall(variables))
            assert ADDRESS.sub("", printed) == ADDRESS.sub("", announced) + "\n"
            assert read_settings({**OTHER_SETTINGS, **exported}).payment_gateways
            try:
                for command, shown in requests:
                    check(shown, curl(command, exported))
            finally:
                double.send_signal(signal.SIGINT)
            assert double.wait(60) == 0
            assert double.stdout.read() == ""
    assert signatures


def test_it_has_every_control_route_and_every_fault() -> None:
    routes = {f"`{method} {path}`" for method, path in (*STRIPE_CONTROL, *PAYPAL_CONTROL)}
    kinds = {f"`{kind}`" for kind in get_args(Kind)}
    assert {each for each in routes | kinds if each not in GUIDE} == set()


def test_a_double_lists_its_control_routes() -> None:
    from payments_kit.doubles.control import described

    for control in (STRIPE_CONTROL, PAYPAL_CONTROL):
        listed = described(control)
        assert len(listed) == len(control)
        assert all(text.endswith(".") or ":" in text for text in listed.values()), listed


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--webhook-url", "localhost:3000"], "is not an http address"),
        (["--public-url", "http://[x"], "is not an http address"),
        (["--port", "70000"], "70000 is not in the range"),
    ],
)
def test_a_wrong_option_is_one_line(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from payments_kit.doubles.stripe_command import stripe_double

    with pytest.raises(SystemExit):
        stripe_double.main(arguments, "stripe-double")
    assert problem in capsys.readouterr().err.splitlines()[-1]


def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    from payments_kit.doubles.stripe_command import stripe_double

    with (
        HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server,
        pytest.raises(SystemExit) as ended,
    ):
        stripe_double.main(["--port", str(server.server_port)], "stripe-double")
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"payments: cannot listen on port {server.server_port}: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""
