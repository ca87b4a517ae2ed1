"""The pytest option `--orders`.

If `payments` is installed, every pytest run loads this module, so it imports only pytest.
"""

import pytest

pytest.register_assert_rewrite(
    "payments_kit.orders.delivery_promises",
    "payments_kit.orders.observed_promises",
    "payments_kit.orders.promises",
    "payments_kit.orders.refund_promises",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("payments").addoption(
        "--orders",
        metavar="PACKAGE.MODULE:FUNCTION",
        help="check that an orders service handles the events of the payments service; the function"
        " receives the environment and returns a harness (docs/orders-side.md of `payments`)",
    )


@pytest.hookimpl(tryfirst=True)  # before other plugins read the arguments
def pytest_configure(config: pytest.Config) -> None:
    """Run the suite if the option is set."""
    reference = config.getoption("--orders")
    if reference is not None:
        from payments_kit.orders.run import start

        start(config, reference)
