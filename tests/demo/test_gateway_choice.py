"""The demo pays at the gateway that PAYMENT_GATEWAY names, unless that moves real money."""

import shlex

import pytest

from payments_kit.demo.gateway_choice import check_gateway, gateway_environment
from payments_kit.servers.processes import LocalServerError
from tests.demo.demo_process import Runner, Workspace, current_user, started

PLUGIN = """
from domain.outcome import Declined

class OwnGateway:
    name, livemode = "own", False

    async def charge(self, payment, token):
        return Declined(token.value)

    async def find(self, payment):
        return None

    cancel = find

    async def refund(self, payment, refund):
        raise NotImplementedError

    find_refund = refund

    async def check(self):
        pass

    close = check

def make_gateway(environment):
    assert environment["OWN_KEY"] == "from-the-shell"
    return OwnGateway()
"""

SERVICE = {
    "DATABASE_URL": "postgresql://shop@127.0.0.1/shop",
    "NATS_URL": "nats://127.0.0.1:4222",
    "JWT_KEY": "hunter2-9b1de0c7f35a48d2e6",
}


def test_the_demo_pays_at_the_fake_gateway_and_inherits_nothing() -> None:
    for environment in ({}, {"PAYMENT_GATEWAY": " "}, {"PAYMENT_GATEWAY": "fake", "SHOP": "1"}):
        assert gateway_environment(environment) == {"PAYMENT_GATEWAY": "fake"}


def test_another_gateway_gets_all_variables_but_the_service_s_own() -> None:
    gateway = {"PAYMENT_GATEWAY": "a.b:c", "OWN_KEY": "k", "STRIPE_KEY": "k", "CURRENCY": "gbp"}
    others = {"JWT_AUDIENCE": "shop", "OPERATOR_KEY_FILE": "/key", "PORT": "3000"}
    assert gateway_environment(gateway | SERVICE | others) == gateway


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"PAYMENT_GATEWAY": "stripe-payment-intents"}, "STRIPE_KEY"),
        (
            {"PAYMENT_GATEWAY": "stripe-payment-intents", "STRIPE_KEY": "sk_live_0123456789"},
            "this gateway moves real money",
        ),
        ({"PAYMENT_GATEWAY": "not_there:make"}, "there is no module not_there"),
    ],
)
def test_a_gateway_that_cannot_be_used_or_is_live_is_an_error_without_a_secret(
    environment: dict[str, str], problem: str
) -> None:
    with pytest.raises(LocalServerError, match=problem) as refused:
        check_gateway(SERVICE | environment)
    assert "sk_live_0123456789" not in str(refused.value)


def test_the_demo_with_another_gateway_prints_its_servers_on_request(workspace: Workspace) -> None:
    (workspace.folder / "own_gateway.py").write_text(PLUGIN)
    variables = {
        "PAYMENT_GATEWAY": "own_gateway:make_gateway",
        "OWN_KEY": "from-the-shell",
        "PYTHONPATH": str(workspace.folder),
    }
    user = current_user()
    own = Workspace(workspace.folder, Runner(user.python, user.user, variables))
    with started(own, "--servers", "--port", "0") as demo:
        lines = [demo.read_until(name) for name in ("DATABASE_URL=", "NATS_URL=")]
        values = dict(shlex.split(line)[0].split("=", 1) for line in lines)
        assert values["DATABASE_URL"].startswith("postgresql://")
        assert values["NATS_URL"].startswith("nats://")
        page = demo.page()
        status, declined = page.pay(page.new_order(), "declined_here")
        assert (status, declined["errors"][0]["code"]) == (402, "declined_here")
        assert demo.end(15)[0] == 0


def test_a_tour_prints_no_servers(workspace: Workspace) -> None:
    with started(workspace, "--once", "--servers") as demo:
        status, output = demo.end()
    assert status == 2
    assert "--once stops its servers at the end" in output
