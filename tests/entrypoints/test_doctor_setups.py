"""`payments doctor` on set-ups that are broken: one line for each problem, and no traceback."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from entrypoints.cli import main
from entrypoints.settings import VARIABLES
from payments_kit.servers.postgres import LocalPostgres
from tests.entrypoints.broken_setups import JWT_KEY, SETUPS, Change, Setup


@pytest.fixture
def setup(
    postgres_server: LocalPostgres, database_url: str, nats_url: str, tmp_path: Path
) -> Setup:
    return Setup(postgres_server, database_url, nats_url, tmp_path)


def doctor(setup: Setup, changes: Mapping[str, str]) -> tuple[int, list[str]]:
    """Run the doctor; return its status and its lines."""
    healthy = {
        "DATABASE_URL": setup.database_url,
        "NATS_URL": setup.nats_url,
        "JWT_KEY": JWT_KEY,
        "PAYMENT_GATEWAY": "fake",
    }
    unset = dict.fromkeys(VARIABLES)
    environment = {name: value or None for name, value in {**unset, **healthy, **changes}.items()}
    result = CliRunner().invoke(main, ["doctor"], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "hunter2" not in result.output
    assert "Traceback" not in result.output
    return result.exit_code, result.output.splitlines()


def test_there_are_at_least_thirty() -> None:
    assert len({name for name, _, _ in SETUPS}) == len(SETUPS) >= 30


def test_a_healthy_set_up_has_no_problem(setup: Setup) -> None:
    status, lines = doctor(setup, {})
    assert (status, [line for line in lines if not line.startswith("✓ ")]) == (0, [])


def test_the_name_that_is_meant_is_named_also_if_a_variable_is_missing(setup: Setup) -> None:
    _, lines = doctor(setup, {"DATABASE_URL": "", "DATABSE_URL": setup.url()})
    assert "! configuration  DATABSE_URL: is not read; is DATABASE_URL meant?" in lines


@pytest.mark.parametrize(
    ("change", "problem"), [each[1:] for each in SETUPS], ids=[each[0] for each in SETUPS]
)
def test_a_broken_one_has_one_line_that_says_what_is_wrong(
    setup: Setup, change: Change, problem: str
) -> None:
    status, lines = doctor(setup, change(setup) or {})
    assert status == 1
    assert all(line.startswith(("✓ ", "! ", "✗ ")) for line in lines)
    problems = [line for line in lines if line.startswith("✗ ")]
    if problem.startswith("database "):  # the fake gateway has its records there
        problems = [line for line in problems if not line.startswith("✗ gateway")]
    [line] = problems
    assert problem in line
