"""An unexpected error of the simulated code is reported as a violation, wherever it is logged."""

import logging
from collections.abc import Callable

import pytest
import structlog

from application.use_cases.create_charge import CreateCharge
from application.use_cases.recover_payments import RecoverPayments
from application.use_cases.relay_outbox import RelayOutbox
from entrypoints.http.errors import reply_to
from entrypoints.worker.loops import Loop
from payments_kit.simulation.logs import collecting_errors
from payments_kit.simulation.processes import LoopEnded
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.world import World

ERROR = KeyError("unexpected")


def log_with_structlog() -> None:
    structlog.get_logger("entrypoints.worker.loops").exception("failed", loop="relay")


def log_with_the_standard_library() -> None:
    logging.getLogger("application.use_cases.recover_payments").exception("failed")


def log_as_the_reply_500() -> None:
    reply_to(ERROR)


@pytest.mark.parametrize(
    "log", [log_with_structlog, log_with_the_standard_library, log_as_the_reply_500]
)
def test_a_logged_exception_is_collected_and_warnings_are_not(
    log: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = structlog.get_config()
    collected: list[BaseException] = []
    with collecting_errors(collected.append):
        structlog.get_logger("entrypoints").warning("waiting", exc_info=ERROR)
        structlog.get_logger("entrypoints").error("without an exception")
        logging.getLogger("application").error("without an exception")
        try:
            raise ERROR
        except KeyError:
            log()
    assert collected == [ERROR]
    assert structlog.get_config() == before
    assert capsys.readouterr() == ("", "")


async def fail(*_args: object) -> None:
    raise ERROR


@pytest.mark.parametrize(
    ("owner", "method"),
    [(RelayOutbox, "run_once"), (RecoverPayments, "_lease"), (CreateCharge, "_charge")],
)
def test_an_unexpected_error_is_a_violation_in(
    owner: type, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, method, fail)
    broken = World(Scenario(seed=3)).run().broken
    assert "0: unexpected error: KeyError: 'unexpected'" in broken


def test_a_worker_loop_that_ends_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "run", fail)
    with pytest.raises(LoopEnded) as error:
        World(Scenario(seed=1)).run()
    assert error.value.__notes__ == ["in the run of seed 1"]
