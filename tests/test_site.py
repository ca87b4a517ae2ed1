"""The documents are a site without a broken link, whose pages load nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILD = (sys.executable, "-m", "sphinx", "-c", "docs", "-b", "html", "-E", "-q", "-W")

# Reading all pages takes a second; this ends a build that hangs.
MAX_SECONDS = 300.0


def build(folder: Path) -> str:
    """Build the site; return the warnings."""
    command = [*BUILD, "--keep-going", ".", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=MAX_SECONDS
    )
    return done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    assert build(folder) == ""
    return folder


def test_every_document_is_a_page(site: Path) -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    pages = [(site / each.relative_to(ROOT)).with_suffix(".html") for each in documents]
    assert [each for each in pages if not each.exists()] == []


def test_a_page_is_in_the_sidebar_once(site: Path) -> None:
    page = (site / "docs/tutorial.html").read_text()
    (sidebar,) = re.findall(r'<div class="globaltoc".*?</div>', page, re.S)
    pages = re.findall(r'href="([^"#]+)"', sidebar)
    assert len(pages) > 60
    assert len(pages) == len(set(pages))


def test_the_promises_of_a_gateway_are_there_with_the_errors_that_it_raises(site: Path) -> None:
    page = (site / "docs/reference/gateway-ports.html").read_text()
    assert "application.ports.payment_gateway.PaymentGateway.charge" in page
    assert re.search(r"<li>.*GatewayUnavailable.*: nothing was, and nothing will be", page)


def test_every_command_is_there(site: Path) -> None:
    page = (site / "docs/reference/command-line.html").read_text()
    for command in ("serve", "worker", "reconcile", "audit-verify", "dead-letters-replay"):
        assert f'id="payments-{command}"' in page


def test_no_page_loads_anything_from_elsewhere_but_the_program_that_draws_diagrams(
    site: Path,
) -> None:
    loads = re.compile(
        r"""(?:<script[^>]*src=|<img[^>]*src=|<link[^>]*href=|from )"(https?://[^"]+)"""
    )
    found = {
        address for page in site.glob("**/*.html") for address in loads.findall(page.read_text())
    }
    assert [each for each in found if "/mermaid" not in each] == []
