"""The option `--gateway`. Every pytest run beside an installed `payments` loads this, so it loads nothing."""

import pytest

pytest.register_assert_rewrite("payments_kit.conformance.promises")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, and nothing else."""
    parser.getgroup("payments").addoption(
        "--gateway",
        metavar="PACKAGE.MODULE:FUNCTION",
        help="hold a gateway adapter to its promises: the function gets the environment and gives a"
        " harness; see docs/gateways.md of `payments`",
    )


@pytest.hookimpl(tryfirst=True)  # so that args are settled before anybody else looks at them
def pytest_configure(config: pytest.Config) -> None:
    """Run the suite if it was asked for."""
    reference = config.getoption("--gateway")
    if reference is not None:
        from payments_kit.conformance.kit import Kit

        config.pluginmanager.register(Kit.of(config, reference))
