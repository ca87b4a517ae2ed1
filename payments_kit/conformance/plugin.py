"""The pytest option `--gateway`.

If `payments` is installed, every pytest run loads this module, so it imports only pytest.
"""

import pytest

pytest.register_assert_rewrite(
    "payments_kit.conformance.answer_promises",
    "payments_kit.conformance.authentication_promises",
    "payments_kit.conformance.capture_fault_promises",
    "payments_kit.conformance.capture_promises",
    "payments_kit.conformance.fault_promises",
    "payments_kit.conformance.promises",
    "payments_kit.conformance.refund_promises",
    "payments_kit.conformance.session_fault_promises",
    "payments_kit.conformance.session_promises",
    "payments_kit.conformance.session_samples",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("payments").addoption(
        "--gateway",
        metavar="PACKAGE.MODULE:FUNCTION",
        help="check that a gateway adapter keeps the promises of the gateway port; the function"
        " receives the environment and returns a harness (docs/gateways.md of `payments`)",
    )


@pytest.hookimpl(tryfirst=True)  # before other plugins read the arguments
def pytest_configure(config: pytest.Config) -> None:
    """Run the suite if the option is set."""
    reference = config.getoption("--gateway")
    if reference is not None:
        from payments_kit.conformance.run import start

        start(config, reference)
