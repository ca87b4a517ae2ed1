"""Clients that are generated from the OpenAPI document compile, and work with the service."""

import asyncio
import compileall
import importlib
import json
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrypoints.http.app import create_app
from tests.builders import ORDER
from tests.entrypoints.http.service import serving
from tests.entrypoints.http.world import OPERATOR_KEY, HttpWorld, a_token

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/openapi.json"
TYPESCRIPT = Path(__file__).parent / "typescript"

# The packages come from a registry; everything else takes some seconds.
TIMEOUT_SECONDS = 180.0


async def run(*command: str, cwd: Path) -> str:
    """Run a command; return what it prints."""
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        stdout, stderr = await process.communicate()
    assert process.returncode == 0, (stdout + stderr).decode()[-2000:]
    return (stdout + stderr).decode()


async def test_a_generated_client_in_python_pays_and_refunds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, config = "generated_client", tmp_path / "config.yml"
    # By default, it formats with a `ruff` of the path.
    config.write_text("post_hooks: []\n")
    command = (sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none")
    printed = await run(
        *command,
        *("--path", str(DOCUMENT), "--output-path", name, "--config", str(config)),
        cwd=tmp_path,
    )
    assert "WARNING" not in printed.upper()
    assert compileall.compile_dir(tmp_path / name, quiet=2)
    monkeypatch.syspath_prepend(tmp_path)

    def module(path: str) -> Any:
        return importlib.import_module(f"{name}.{path}")

    world = HttpWorld()
    await world.create_order()
    app: Any = create_app(world.dependencies())
    transport = httpx.ASGITransport(app)

    def client(token: str) -> Any:
        return module("client").AuthenticatedClient(
            "http://payments.test",
            token,
            httpx_args={"transport": transport},
            raise_on_unexpected_status=True,
        )

    shop, operator, models = client(a_token()), client(OPERATOR_KEY), module("models")
    options = await module("api.payments.list_options").asyncio(client=shop, order_id=ORDER)
    declined = await module("api.payments.create_payment").asyncio_detailed(
        client=shop, body=models.CreatePaymentBody("tok_chargeDeclined", ORDER)
    )
    paid = await module("api.payments.create_payment").asyncio(
        client=shop,
        body=models.CreatePaymentBody("tok_visa", ORDER, amount=options.amount),
        idempotency_key="key-1",
    )
    refund = await module("api.refunds.create_refund").asyncio(
        paid.id, client=operator, body=models.CreateRefundBody(amount=500)
    )
    page = await module("api.operators.find_payments").asyncio(client=operator, limit=10)
    order = await module("api.operators.show_order").asyncio(ORDER, client=operator)

    assert (declined.status_code, declined.parsed.errors[0].code) == (402, "generic_decline")
    assert (paid.status, paid.order_id) == ("succeeded", ORDER)
    assert (refund.amount, refund.status) == (500, "succeeded")
    assert {each.id for each in page.items} >= {paid.id}
    assert order.payments[-1].explanation.status == "succeeded"


# Seven seconds of processor time, and packages from a registry.
@pytest.mark.deep
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
async def test_a_generated_client_in_typescript_compiles_and_pays(tmp_path: Path) -> None:
    folder = tmp_path / "client"
    shutil.copytree(TYPESCRIPT, folder)
    await run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    tools = folder / "node_modules/.bin"
    await run(str(tools / "openapi-typescript"), str(DOCUMENT), "-o", "schema.d.ts", cwd=folder)
    await run(str(tools / "tsc"), cwd=folder)

    async with serving() as service:
        printed = await run(
            "node", "client.js", service.address, a_token(), OPERATOR_KEY, cwd=folder
        )

    assert json.loads(printed) == {
        "gateway": "in_memory",
        "declined": 402,
        "hasReason": True,
        "paid": "succeeded",
        "refunded": 500,
        "found": 1,
    }
