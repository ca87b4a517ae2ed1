"""The audit of what production installs, against a local advisory service, and its materials."""

import json
import re
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import pytest

from payments_kit.servers.processes import free_port
from tests.deploy.dockerfile import ROOT

COMMAND_SECONDS: Final = 300.0
PRODUCTION: Final = set(
    re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements/production.txt").read_text(), re.M)
)
ADVISORY: Final = {
    "id": "PYSEC-0000-1",
    "summary": "made up for this test",
    "affected": [{"package": {"name": "msgspec", "ecosystem": "PyPI"}, "ranges": []}],
}


class Advisories(ThreadingHTTPServer):
    """OSV's interface (https://google.github.io/osv.dev/post-v1-query/)."""

    vulnerable = ""
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Answer(BaseHTTPRequestHandler):
    """The answer about one version of a package."""

    server: Advisories

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        name = json.loads(self.rfile.read(length))["package"]["name"]
        found = {"vulns": [ADVISORY]} if name == self.server.vulnerable else {}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def advisories() -> Iterator[Advisories]:
    with Advisories() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def audit(url: str) -> subprocess.CompletedProcess[str]:
    command = (str(ROOT / ".ci/audit"), "--vulnerability-service=osv", f"--osv-url={url}")
    return subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )


@pytest.mark.parametrize(("vulnerable", "succeeds"), [("", True), ("msgspec", False)])
def test_a_known_vulnerability_fails_the_audit(
    advisories: Advisories, vulnerable: str, succeeds: bool
) -> None:
    advisories.vulnerable = vulnerable
    done = audit(advisories.url)
    assert (done.returncode == 0) == succeeds, done.stderr
    assert ("PYSEC-0000-1" in done.stdout) != succeeds


def test_an_audit_that_could_not_run_fails() -> None:
    done = audit(f"http://127.0.0.1:{free_port()}/")
    assert done.returncode != 0
    assert "Connection" in done.stderr


def test_what_exports_traces_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split("[><=]", each)[0] for each in project["optional-dependencies"]["otel"]}
    assert names
    assert names <= {name for name, _ in PRODUCTION}


def test_a_change_does_not_wait_for_an_advisory_service() -> None:
    assert "audit" not in (ROOT / ".ci/run").read_text()


# Checking it against CycloneDX's schema, as `make sbom` does by itself, takes three seconds.
@pytest.mark.parametrize("arguments", ["--no-validate", pytest.param("", marks=pytest.mark.deep)])
def test_the_bill_of_materials_has_every_library_with_its_hashes(arguments: str) -> None:
    command = ("make", "--no-print-directory", "--silent", "sbom", f"ARGS={arguments}")
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=COMMAND_SECONDS)
    bill = json.loads((ROOT / "build/sbom.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "payments")
    found = {(each["name"], each["version"]) for each in bill["components"]}
    assert found == PRODUCTION
    for each in bill["components"]:
        assert any(source["hashes"] for source in each["externalReferences"]), each["name"]
