"""What is not imported: by commands, which start fast, and by the handlers, which are simulated."""

import subprocess
import sys

import pytest

HELP = "from click.testing import CliRunner; from entrypoints.cli import main; "
SHOW_HELP = HELP + "assert not CliRunner().invoke(main, ['--help']).exit_code"
HANDLERS = "from entrypoints.http import background_tasks, errors, handlers, idempotency, replies, "
FRAMEWORK_FREE = HANDLERS + "json_fields, reply_bodies, request_bodies, request_fields, validation"
SERVE = "from entrypoints.cli.running import import_structlog; import_structlog(); "
SERVE += "import entrypoints.composition.http, entrypoints.http.server, entrypoints.logs"
WORKER = "import entrypoints.composition.worker, entrypoints.worker.process"
SERVE_WITH_STRIPE = SERVE + ", adapters.gateways.stripe.payment_intents, "
SERVE_WITH_STRIPE += "adapters.gateways.stripe.charges, adapters.gateways.stripe.notifications"


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        (SHOW_HELP, "stripe sqlalchemy litestar nats uvicorn alembic rich aiohttp"),
        (SERVE, "aiohttp opentelemetry htpy sqlalchemy.orm entrypoints.console.app"),
        (WORKER, "opentelemetry sqlalchemy.orm"),
        (SERVE_WITH_STRIPE, "stripe requests nats alembic rich payments_kit httpx pytest"),
        (FRAMEWORK_FREE, "uvicorn litestar prometheus_client"),
    ],
    ids=["help", "serve", "worker", "serve-with-stripe", "handlers"],
)
def test_no_heavy_library_is_imported(program: str, absent: str) -> None:
    command = [sys.executable, "-c", f"import sys; {program}; print(*sys.modules)"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)

    assert "entrypoints" in done.stdout.split()
    assert set(absent.split()).isdisjoint(done.stdout.split())
