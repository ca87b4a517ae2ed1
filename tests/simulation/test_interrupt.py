"""Ctrl-C ends a simulation, also if Python loses it."""

import signal
import time
from contextlib import suppress

import pytest
from click.testing import CliRunner

from payments_kit.simulation import command
from payments_kit.simulation.command import simulate


def test_an_interrupt_that_was_lost_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    def loses_the_first(*_values: object, **_options: object) -> int:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        time.sleep(60)  # the next one ends it
        return 0

    monkeypatch.setattr(command, "run", loses_the_first)
    before = signal.getsignal(signal.SIGALRM)
    assert CliRunner().invoke(simulate, []).exit_code == command.INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
